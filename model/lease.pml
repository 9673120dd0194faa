/*
 * The lease protocol: who may call the upstream for one key, and how the others hear of it.
 *
 * Each process makes one call (the first may make more), as the leader of a flight does: look, then return, or wait on
 * the holder's pipe, or claim; who claims checks the record, sends, and records how it ended. One transaction is one
 * atomic step; every system call is a step of its own. Between any two steps a process may pause for as long as it
 * likes, be killed (the kernel closes what it had open), or stop for good with everything open; leases and retentions
 * may end.
 *
 * Macros choose the bounds (PROCESSES, CALLS, DEATHS, HANGS, ENDS, EXPIRIES, SIGNALS, UNLINKS), what the upstream
 * and the world do (GRACE, CHILD, PAUSE_BEFORE_SEND), what is checked (the names under "Properties"), and mechanisms
 * to leave out (WITHOUT_*, and a few more under "Broken variants"). README.md explains them; `check` runs them.
 */

#ifndef PROCESSES
#define PROCESSES 3
#endif
#ifndef CALLS
#define CALLS 1
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#ifndef HANGS
#define HANGS 0
#endif
#ifndef ENDS
#define ENDS 1
#endif
#ifndef EXPIRIES
#define EXPIRIES 0
#endif
#ifndef SIGNALS
#define SIGNALS 0
#endif
#ifndef UNLINKS
#define UNLINKS 0
#endif

/* Generations, numbered from 1; at most 7, since sets of them are bytes. Also the number of pipes: each granted claim names a new one. */
#ifndef GENERATIONS
#define GENERATIONS 7
#endif

#define NOBODY 0
#define BIT(n) (1 << (n))

/* ---------------------------------------------------------------------------------------------------------------- */
/* Properties. Each is a variable that is true, so that a violated assertion names it.                               */

bit single_flight = 1;
bit agreement = 1;
bit success_kept = 1;
bit rotation_stored = 1;
bit no_lost_wakeup = 1;
bit bounds_suffice = 1;

#ifdef CHECK_ALL
#define CHECK_SINGLE_FLIGHT
#define CHECK_AGREEMENT
#define CHECK_SUCCESS_KEPT
#define CHECK_ROTATION_STORED
#define CHECK_NO_LOST_WAKEUP
#endif

#ifdef CHECK_SINGLE_FLIGHT
#define must_single_flight(truth) single_flight = (truth); assert(single_flight)
#else
#define must_single_flight(truth) skip
#endif
#ifdef CHECK_AGREEMENT
#define must_agree(truth) agreement = (truth); assert(agreement)
#else
#define must_agree(truth) skip
#endif
#ifdef CHECK_SUCCESS_KEPT
#define must_keep_success(truth) success_kept = (truth); assert(success_kept)
#else
#define must_keep_success(truth) skip
#endif
#ifdef CHECK_ROTATION_STORED
#define must_store_rotation(truth) rotation_stored = (truth); assert(rotation_stored)
#else
#define must_store_rotation(truth) skip
#endif
#ifdef CUT_AT_BOUND
/* Broken variants may claim for ever. */
#define must_be_bounded(truth) truth
#else
#define must_be_bounded(truth) bounds_suffice = (truth); assert(bounds_suffice)
#endif

/* ---------------------------------------------------------------------------------------------------------------- */
/* The record. A success that is no longer kept decides like no record; a terminal failure that is no longer kept    */
/* like a transient one; a transient one that does not survive like no record.                                       */

mtype = { NONE, HELD, SUCCESS, TERMINAL, TRANSIENT };

mtype state = NONE;
byte generation;      /* of the record */
byte holder;          /* its process, counted from 0 */
byte pipe;            /* the pipe it names; the three while HELD */
byte stored;          /* the result, in state SUCCESS */
byte lastFailure;     /* the generation of the last failure while it survives, or NOBODY */
byte generations;     /* how many were granted: the next is one more */
byte past;            /* set of generations whose lease's end is past */

/* The upstream: one token, good once. Each answer that it gives out is another number. */
bit spent;
byte answers;

/* ---------------------------------------------------------------------------------------------------------------- */
/* Processes and their descriptors, which the kernel closes when they die.                                           */

bit dead[PROCESSES];
bit hung[PROCESSES];      /* stopped for good, with everything open */
bit done[PROCESSES];
byte tenure[PROCESSES];   /* the generation that this process holds, or believes to */
byte writing[PROCESSES];  /* its own pipe, open */
byte waking[PROCESSES];   /* somebody else's pipe, open to wake those who wait on it */
byte reading[PROCESSES];  /* its waiting end: the pipe it is of */
byte waited[PROCESSES];   /* the generation that it waits for */
bit hangsUp[PROCESSES];   /* poll() reports hang-up on its waiting end: some writer was there at or after the opening */
bit asleep[PROCESSES];    /* in poll() */
bit due[PROCESSES];       /* the lease's end that it has read is past, or a signal came: poll() returns */

/* Pipes. */
byte linked;              /* set of the pipes whose name exists */
byte written;             /* set of the pipes that have something in them */
byte inherited;           /* set of the pipes that a forked child keeps open */

/* What is checked, and nobody knows of. */
byte inFlight;            /* generations that have sent, and have neither ended, nor died, nor run past their lease */
byte ranPast;             /* generations that have ever run past their lease */
byte agreed;              /* the first result of the present retention */
byte owed[GENERATIONS + 1]; /* who is still to wake the waiters of a pipe after its commit, counted from 1 */
bit late[PROCESSES];      /* opened its waiting end when the record had moved on already */

#define has(set, n) ((set & BIT(n)) != 0)
#define add(set, n) set = set | BIT(n)
#define drop(set, n) set = set & ~BIT(n)

#if PROCESSES == 2
#define any(what) (what(0) || what(1))
#define count(what, p) (what(0, p) + what(1, p))
#elif PROCESSES == 3
#define any(what) (what(0) || what(1) || what(2))
#define count(what, p) (what(0, p) + what(1, p) + what(2, p))
#else
#define any(what) (what(0) || what(1) || what(2) || what(3))
#define count(what, p) (what(0, p) + what(1, p) + what(2, p) + what(3, p))
#endif

#define writes(i, p) (writing[i] == (p) || waking[i] == (p))
#define reads(i, p) (reading[i] == (p))
#define hasWriter(p) (count(writes, p) > 0 || has(inherited, p))
#define isOpen(p) (hasWriter(p) || count(reads, p) > 0)

#define isHeld(g) (state == HELD && generation == (g))
#define runs(i) (!dead[i] && !hung[i] && !done[i])

/* What poll() returns for. */
#define hasHungUp(i) (hangsUp[i] && !hasWriter(reading[i]))
#define isWoken(i) (has(written, reading[i]) || hasHungUp(i) || due[i])

inline notHeld() {
    drop(past, generation);
    generation = NOBODY; holder = 0; pipe = NOBODY; stored = 0
}

inline forget() {
    notHeld();
    state = NONE; lastFailure = NOBODY
}

/* ---------------------------------------------------------------------------------------------------------------- */
/* Pipes                                                                                                             */

/* What was written goes with the last descriptor. */
inline closed(p) {
    if
    :: !isOpen(p) -> drop(written, p)
    :: else
    fi
}

/* poll() on ends that were opened without a writer reports hang-up once there was one. */
inline noticeWriter(i, p) {
    if
    :: reading[i] == p -> hangsUp[i] = 1
    :: else
    fi
}

inline writerCame(p) {
    noticeWriter(0, p);
    noticeWriter(1, p);
#if PROCESSES > 2
    noticeWriter(2, p);
#endif
#if PROCESSES > 3
    noticeWriter(3, p);
#endif
    skip
}

inline closeWaitingEnd(me) {
    if
    :: reading[me] != NOBODY ->
        closing = reading[me];
        reading[me] = NOBODY;
        waited[me] = NOBODY;
        hangsUp[me] = 0;
        due[me] = 0;
        late[me] = 0;
        closed(closing);
        closing = 0
    :: else
    fi
}

/* ---------------------------------------------------------------------------------------------------------------- */
/* The decision of a look and of a claim                                                                             */

mtype = { HIT, FAILED, JOIN, CLAIMABLE };

#ifdef WITHOUT_COMPARE_AND_SWAP
#define sawDeathOf(seen) (seen != NOBODY)
#else
#define sawDeathOf(seen) (seen == generation)
#endif

inline decide(joined, seen) {
    if
    :: state == SUCCESS -> decision = HIT
    :: state == TERMINAL -> decision = FAILED
    :: else ->
        if
        :: joined != NOBODY && lastFailure >= joined -> decision = FAILED
        :: else ->
            if
            :: state == HELD && !has(past, generation) && !(sawDeathOf(seen)) -> decision = JOIN
            :: else -> decision = CLAIMABLE
            fi
        fi
    fi
}

/* Returns from the call; the next one, if there is one, begins with a look. */
inline finish() {
    waited[me] = NOBODY; due[me] = 0;
    joined = NOBODY; hungUp = NOBODY; joinedPipe = NOBODY; joinedHolder = 0; value = 0;
    decision = HIT;
    calls--;
    if
    :: calls > 0 -> goto look
    :: else -> done[me] = 1; oldPipe = 0; goto endOfProcess
    fi
}

/* Goes where the decision leads, or on where the lease is there for the taking. */
inline takeDecision() {
    if
    :: decision == HIT -> value = stored; must_agree(value == agreed); finish()
    :: decision == FAILED -> finish()
    :: decision == JOIN ->
        joined = generation; hungUp = NOBODY; joinedPipe = pipe; joinedHolder = holder;
        waited[me] = generation;
        due[me] = 0;
        decision = HIT;
        goto wait
    :: decision == CLAIMABLE -> decision = HIT
    fi
}

/* ---------------------------------------------------------------------------------------------------------------- */
/* A process                                                                                                         */

#if defined(PAUSE_BEFORE_SEND) && !defined(STRICT_SINGLE_FLIGHT)
/* Stopped between its last look and the send: then nothing but the lease's length protects, and of two calls in
 * flight one is of a holder that ran past its lease. */
#define maySendNow(g) ((inFlight & ~BIT(g)) == 0 || has(ranPast, g))
#else
#define maySendNow(g) ((inFlight & ~BIT(g)) == 0 && isHeld(g))
#endif

inline dispatch() {
    must_single_flight(maySendNow(tenure[me]));
    if
    :: !has(ranPast, tenure[me]) -> add(inFlight, tenure[me])
    :: else
    fi
}

mtype = { REFUSED, FAULT };

/* To whom it happens. */
chan kill = [0] of { byte };
chan stop = [0] of { byte };

/* The kernel closes what was open. */
inline die(i) {
    dead[i] = 1;
    asleep[i] = 0;
    drop(inFlight, tenure[i]);
    drop(ranPast, tenure[i]);
    tenure[i] = NOBODY;
    if
    :: owed[writing[i]] == i + 1 -> owed[writing[i]] = 0
    :: else
    fi;
    closing = writing[i]; writing[i] = NOBODY; closed(closing);
    closing = waking[i]; waking[i] = NOBODY; closed(closing);
    closing = reading[i]; reading[i] = NOBODY; closed(closing);
    waited[i] = NOBODY; hangsUp[i] = 0; due[i] = 0; late[i] = 0;
    closing = 0
}

proctype process(byte me; byte calls)
{
    byte joined, hungUp, joinedPipe, joinedHolder; /* what the leader knows of the lease it waits on */
    byte value;                                    /* a result */
    byte foreign;                                  /* the pipe of another generation's lease that is to be woken */
    byte closing;
    byte oldPipe;
    bit renewed, retried, isAnswered;
    mtype decision = JOIN;
    mtype answer = FAULT;

    {
    skip;
look:
    atomic {
        decide(joined, hungUp);
        closeWaitingEnd(me);
        joinedPipe = NOBODY; joinedHolder = 0;
        takeDecision();
        goto claim
    }

    /* ---- claiming ---- */

    /* The pipe is made and opened before; until the commit names it, it is as if there were none. */
claim:
    atomic {
#ifdef FIRST_IS_0
        generations > 0 || me == 0;
#endif
        decide(joined, hungUp);
        takeDecision();
        must_be_bounded(generations < GENERATIONS);
        generations++;
        must_keep_success(state != SUCCESS);
        notHeld();
        state = HELD; generation = generations; holder = me;
        pipe = generation;
#ifdef PIPE_IS_REUSED
        if
        :: oldPipe != NOBODY -> pipe = oldPipe; drop(written, pipe)
        :: else
        fi;
#endif
        add(linked, pipe);
        tenure[me] = generation;
        joined = generation; hungUp = NOBODY;
#ifndef PIPE_IS_OPENED_AFTER_CLAIM
        writing[me] = pipe;
        writerCame(pipe);
        goto mayISend
#endif
    }
#ifdef PIPE_IS_OPENED_AFTER_CLAIM
    atomic { joinedPipe = tenure[me]; writing[me] = joinedPipe; writerCame(joinedPipe); joinedPipe = NOBODY };
#endif

    /* ---- holding ---- */

mayISend:
    atomic {
#ifndef WITHOUT_LOOK_BEFORE_SEND
        if
        :: state == SUCCESS -> value = stored; must_agree(value == agreed); isAnswered = 1; goto leave
        :: isHeld(tenure[me]) ->
            if
            :: !has(past, tenure[me])
            /* Less than a request timeout is left, or nothing. */
            :: has(past, tenure[me]) -> goto renew
#ifdef RENEWALS
            :: !has(past, tenure[me]) && !renewed -> goto renew
#endif
            fi
        :: else -> goto leave
        fi;
#endif
#ifndef PAUSE_BEFORE_SEND
        dispatch();
        goto act
#endif
    }
#ifdef PAUSE_BEFORE_SEND
    atomic { dispatch(); goto act };
#endif

renew:
    atomic {
        renewed = 1;
        if
        :: state == SUCCESS -> value = stored; must_agree(value == agreed); isAnswered = 1; goto leave
        :: isHeld(tenure[me]) -> drop(past, tenure[me]); goto mayISend
        :: else -> goto leave
        fi
    }

    /* The upstream acts; its answer may be lost. */
act:
    atomic {
        if
        :: !spent -> spent = 1; answers++; value = answers; goto publish
        :: spent -> answer = REFUSED; goto fail
#ifdef GRACE
        :: spent -> answers++; value = answers; goto publish
#endif
        :: goto fail
        :: !spent -> spent = 1; goto fail
#ifdef RETRIES
        :: !retried -> retried = 1; drop(inFlight, tenure[me]); goto renew
#endif
        fi
    }

    /* ---- ending ---- */

publish:
#ifdef PIPE_IS_CLOSED_BEFORE_COMMIT
    atomic { closing = writing[me]; writing[me] = NOBODY; closed(closing); closing = 0 };
#endif
    atomic {
        drop(inFlight, tenure[me]);
        answer = FAULT;
        if
#ifndef SUCCESS_OVERWRITES
        :: state == SUCCESS -> value = stored; must_agree(value == agreed)
        :: else ->
#else
        :: true ->
            must_keep_success(state != SUCCESS);
#endif
#ifdef WITHOUT_LATE_SUCCESS
            if
            :: !isHeld(tenure[me]) -> goto published
            :: else
            fi;
#endif
            if
            :: state == HELD && generation != tenure[me] -> foreign = pipe; owed[pipe] = me + 1
            :: state == HELD && generation == tenure[me] -> owed[pipe] = me + 1
            :: else
            fi;
            forget();
            state = SUCCESS; stored = value;
            if
            :: agreed == 0 -> agreed = value
            :: else
            fi;
            must_agree(value == agreed)
        fi;
#ifdef WITHOUT_LATE_SUCCESS
published:
#endif
        must_store_rotation(state == SUCCESS);
        isAnswered = 1;
        goto wake
    }

fail:
    atomic {
        drop(inFlight, tenure[me]);
        if
#ifndef FAILURE_OVERWRITES_SUCCESS
        :: state == SUCCESS -> value = stored; must_agree(value == agreed); isAnswered = 1
#endif
#ifdef STALE_FAILURE_COUNTS
        :: state == HELD ->
#else
#ifdef FAILURE_OVERWRITES_SUCCESS
        :: isHeld(tenure[me]) || state == SUCCESS ->
            must_keep_success(state != SUCCESS);
#else
        :: isHeld(tenure[me]) ->
#endif
#endif
            if
            :: answer == REFUSED -> state = TERMINAL
            :: else -> state = TRANSIENT
            fi;
            owed[pipe] = me + 1;
            notHeld();
            lastFailure = tenure[me];
            isAnswered = 1
        :: else
        fi;
        answer = FAULT;
        goto wake
    }

wake:
    atomic {
        if
        :: writing[me] != NOBODY ->
            add(written, writing[me]);
            if
            :: owed[writing[me]] == me + 1 -> owed[writing[me]] = 0
            :: else
            fi
        :: else
        fi;
#ifdef WITHOUT_WAKING_OTHERS
        if
        :: foreign != NOBODY -> owed[foreign] = 0; foreign = NOBODY
        :: else
        fi;
#endif
        if
        :: foreign == NOBODY -> goto leave
        :: else
        fi
    }

    /* The waiters of the lease that a late result has replaced. */
    atomic {
        if
        :: has(linked, foreign) -> waking[me] = foreign; writerCame(foreign)
        /* Its holder is gone, which wakes them too. */
        :: else -> foreign = NOBODY; goto leave
        fi
    }
    atomic { add(written, foreign); owed[foreign] = 0 }
    atomic { waking[me] = NOBODY; closed(foreign); foreign = NOBODY };

leave:
    atomic {
        drop(inFlight, tenure[me]);
        closing = writing[me];
        writing[me] = NOBODY;
        if
        :: closing != NOBODY -> closed(closing)
        :: else
        fi
    }
    atomic {
#ifdef PIPE_IS_REUSED
        oldPipe = closing;
#else
        if
        :: closing != NOBODY -> drop(linked, closing)
        :: else
        fi;
#endif
        drop(ranPast, tenure[me]);
        closing = NOBODY; tenure[me] = NOBODY; renewed = 0; retried = 0; value = 0;
        if
        :: isAnswered -> isAnswered = 0; finish()
        :: else -> hungUp = NOBODY; goto look
        fi
    }

    /* ---- waiting ---- */

wait:
    atomic {
        if
        :: has(linked, joinedPipe) ->
            reading[me] = joinedPipe;
            late[me] = !isHeld(joined);
            hangsUp[me] = hasWriter(joinedPipe)
        :: else -> goto poll
        fi
    }

#ifndef WITHOUT_SECOND_LOOK
    atomic {
        decide(joined, NOBODY);
        if
        :: decision == JOIN && generation == joined
        :: else -> goto look
        fi
    }
#endif

#ifndef WITHOUT_PROBE
    atomic {
        if
        :: has(written, joinedPipe) ->
#ifdef WAITER_DRAINS
            drop(written, joinedPipe);
#endif
            goto poll
        :: !has(written, joinedPipe) && !hasWriter(joinedPipe) -> hungUp = joined; goto look
        :: !has(written, joinedPipe) && hasWriter(joinedPipe) -> asleep[me] = 1
        fi
    }
#else
    asleep[me] = 1;
#endif

    atomic {
        isWoken(me);
        asleep[me] = 0;
        if
        :: hasHungUp(me) -> hungUp = joined
        :: else
        fi;
#ifdef WAITER_DRAINS
        drop(written, joinedPipe);
#endif
        goto look
    }

    /* Nothing to sleep on: a pause, then a look at the holder's process and at the record. */
poll:
    atomic {
        closeWaitingEnd(me);
        waited[me] = NOBODY;
        if
        :: dead[joinedHolder] -> hungUp = joined
        :: else
        fi;
        goto look
    }
    } unless {
        /* Killed or stopped for good, between any two steps, in one step with whoever does it. */
        atomic {
            if
            :: kill?eval(me) -> die(me)
            :: stop?eval(me) -> hung[me] = 1; asleep[me] = 0
            fi;
            joined = NOBODY; hungUp = NOBODY; joinedPipe = NOBODY; joinedHolder = 0; value = 0; foreign = NOBODY;
            oldPipe = NOBODY; renewed = 0; retried = 0; isAnswered = 0; decision = HIT; calls = 0
        }
    };

endOfProcess:
    false
}

/* ---------------------------------------------------------------------------------------------------------------- */
/* The world                                                                                                         */

inline happensToOne(what) {
    if
    :: runs(0) -> what!0
    :: runs(1) -> what!1
#if PROCESSES > 2
    :: runs(2) -> what!2
#endif
#if PROCESSES > 3
    :: runs(3) -> what!3
#endif
    fi
}

/* Before the first claim nobody has done anything that another could notice. */
#define hasBegun (generations > 0)

/* Kills and stops processes, and has their forked children keep pipes, each wherever it likes, up to its bound. */
active proctype fate()
{
    byte deaths = DEATHS, hangs = HANGS, unlinks = UNLINKS;
    bit children;
#ifdef CHILD
    children = 1;
#endif

end:
    do
    :: atomic { hasBegun && deaths > 0 && any(runs) -> deaths--; happensToOne(kill) }
    :: atomic { hasBegun && hangs > 0 && any(runs) -> hangs--; happensToOne(stop) }
    :: atomic {
        children && state == HELD && writing[holder] == pipe ->
        children = 0;
        add(inherited, pipe) }
    :: atomic { unlinks > 0 && state == HELD && has(linked, pipe) -> unlinks--; drop(linked, pipe) }
#ifdef PROGRESS
    :: break
#endif
    od
}

#define holdsForEver(i, g) (hung[i] && tenure[i] == (g))
#define keepsForEver(i, p) (hung[i] && waking[i] == (p))
#define isStuck(i) \
    (asleep[i] && !due[i] && (count(holdsForEver, waited[i]) > 0 || count(keepsForEver, reading[i]) > 0))

inline pass(g) {
    add(past, g);
    add(ranPast, g);
    drop(inFlight, g);
    waiter = 0;
    do
    :: waiter < PROCESSES ->
        if
        :: waited[waiter] == g -> due[waiter] = 1
        :: else
        fi;
        waiter++
    :: else -> break
    od;
    waiter = 0
}

/* Ends leases and retentions, up to its bounds; and without bound, leases whose holder nobody would hear of else. */
active proctype time()
{
    byte ends = ENDS, expiries = EXPIRIES, signals = SIGNALS;
    byte waiter;

end:
    do
    :: atomic { ends > 0 && state == HELD && !has(past, generation) -> ends--; pass(generation) }
    :: atomic {
        state == HELD && !has(past, generation) && (hung[holder] || (dead[holder] && has(inherited, pipe))) ->
        pass(generation) }
    /* The end that a sleeper has read comes, whatever became of the record, and also where who owed it the wake-up is
     * gone and its holder hangs, or who owed it stopped with the pipe open. */
    :: atomic { isStuck(0) -> due[0] = 1 }
    :: atomic { isStuck(1) -> due[1] = 1 }
#if PROCESSES > 2
    :: atomic { isStuck(2) -> due[2] = 1 }
#endif
#if PROCESSES > 3
    :: atomic { isStuck(3) -> due[3] = 1 }
#endif
    /* Held long past its end: swept. */
    :: atomic { expiries > 0 && state == HELD && has(past, generation) -> expiries--; forget() }
    /* Retention outlasts the leases that were granted before it began. */
    :: atomic {
        expiries > 0 && state == SUCCESS ->
        expiries--;
        agreed = 0;
        inFlight = 0;
        ranPast = BIT(generations + 1) - 1;
        due[0] = (waited[0] != NOBODY);
        due[1] = (waited[1] != NOBODY);
#if PROCESSES > 2
        due[2] = (waited[2] != NOBODY);
#endif
#if PROCESSES > 3
        due[3] = (waited[3] != NOBODY);
#endif
        forget() }
    :: atomic { expiries > 0 && state == TERMINAL -> expiries--; state = TRANSIENT }
    :: atomic { expiries > 0 && state == TRANSIENT -> expiries--; forget() }
    :: atomic { expiries > 0 && state == HELD && lastFailure != NOBODY -> expiries--; lastFailure = NOBODY }
    :: atomic { signals > 0 && asleep[0] -> signals--; due[0] = 1 }
    :: atomic { signals > 0 && asleep[1] -> signals--; due[1] = 1 }
#ifdef PROGRESS
    :: atomic { ends > 0 || expiries > 0 || signals > 0 -> ends = 0; expiries = 0; signals = 0 }
#endif
    od
}

/* Is never to find anything: a waiter that sleeps on a lease which is over, with nobody left to wake it. Whoever owes
 * the wake-up may have been killed between its commit and its write to another lease's pipe; then only who opened that
 * pipe after the commit must not sleep on it. */
#ifdef CHECK_NO_LOST_WAKEUP
#define stillHolds(i) (isHeld(waited[i]) && (!dead[holder] || has(inherited, reading[i])))
#define debt(i) owed[reading[i]]
#define isOwed(i) (debt(i) != 0 && !(dead[debt(i) - 1] || hung[debt(i) - 1]))
#define isExcused(i) (debt(i) != 0 && !late[i])
#define isLost(i) (asleep[i] && !isWoken(i) && !stillHolds(i) && !isOwed(i) && !isExcused(i))

active proctype watch()
{
end:
    atomic { any(isLost) -> no_lost_wakeup = 0; assert(no_lost_wakeup) }
}
#endif

init {
    atomic {
        run process(0, CALLS);
        run process(1, 1);
#if PROCESSES > 2
        run process(2, 1);
#endif
#if PROCESSES > 3
        run process(3, 1);
#endif
    }
}

#ifdef PROGRESS
#define isOver(i) (done[i] || dead[i] || hung[i])
#if PROCESSES == 2
#define isSettled (isOver(0) && isOver(1))
#else
#define isSettled (isOver(0) && isOver(1) && isOver(2))
#endif
ltl progress { <> isSettled }
#endif
