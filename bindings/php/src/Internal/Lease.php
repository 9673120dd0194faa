<?php

declare(strict_types=1);

namespace RefreshClient\Internal;

use FFI;
use RefreshClient\Answer;
use RefreshClient\RefreshException;

/**
 * A lease that this process holds, from the library's begin until its finish, fail or abandon.
 *
 * @internal
 */
final class Lease
{
    private bool $held = true;

    public function __construct(private readonly FFI $functions, public readonly int $handle)
    {
        HeldLeases::add($this);
    }

    /** Whether to call the upstream now; false if the lease is somebody else's by now, who will have the result. */
    public function maySend(?float $callTimeout): bool
    {
        $error = Outcome::newError($this->functions);
        $code = $this->functions->refreshclient_may_send(
            $this->handle,
            Milliseconds::from($callTimeout, 'callTimeout'),
            FFI::addr($error)
        );
        if ($code === $this->functions->REFRESHCLIENT_LEASE_LOST) {
            return false;
        }
        if ($code < 0) {
            throw Outcome::exception($this->functions, $code, $error, null);
        }
        return true;
    }

    /** Makes the lease last so many seconds from now; false if it is somebody else's by now. */
    public function renew(float $seconds): bool
    {
        $error = Outcome::newError($this->functions);
        $code = $this->functions->refreshclient_renew(
            $this->handle,
            Milliseconds::from($seconds, 'seconds'),
            FFI::addr($error)
        );
        if ($code === $this->functions->REFRESHCLIENT_LEASE_LOST) {
            return false;
        }
        if ($code < 0) {
            throw Outcome::exception($this->functions, $code, $error, null);
        }
        return true;
    }

    /**
     * Publishes the upstream's answer. The outcome is a result, a pause, or that the lease was lost.
     *
     * @throws RefreshException if the answer stands for an error, which all callers get.
     */
    public function finish(#[\SensitiveParameter] Answer $answer): Outcome
    {
        $memory = new Memory($this->functions);
        $outcome = new Outcome($this->functions);
        try {
            $data = $this->functions->new('refreshclient_answer');
            $data->size = FFI::sizeof($data);
            $data->status = $answer->status;
            $data->timed_out = (int) $answer->timedOut;
            $data->not_sent = (int) $answer->notSent;
            $data->may_retry = (int) $answer->mayRetry;
            $data->body = $memory->bytes($answer->body);
            $data->body_length = strlen($answer->body);
            $data->request_id = $memory->text($answer->requestId, 'requestId');
            $data->retry_after = $memory->text($answer->retryAfter, 'retryAfter');
            $data->content_type = $memory->text($answer->contentType, 'contentType');
            $code = $this->functions->refreshclient_finish($this->handle, FFI::addr($data), $outcome->address());
        } finally {
            $memory->wipe();
        }
        // After an answer that the library does not take, the lease is still to be released.
        $keep = [$this->functions->REFRESHCLIENT_RETRY, $this->functions->REFRESHCLIENT_INVALID_ARGUMENT];
        if (!in_array($code, $keep, true)) {
            $this->over();
        }
        return $outcome->after($code, but: $this->functions->REFRESHCLIENT_LEASE_LOST);
    }

    /**
     * Releases the lease, if it is still held: who waits for it gets a transient error, as the token may have been
     * sent. Returns the outcome if somebody has stored a success meanwhile.
     */
    public function fail(string $message): ?Outcome
    {
        if (!$this->held) {
            return null;
        }
        $this->over();
        $memory = new Memory($this->functions);
        $outcome = new Outcome($this->functions);
        $code = $this->functions->refreshclient_fail(
            $this->handle,
            0,
            $memory->text('perform_failed', 'reason'),
            $memory->text($message, 'message'),
            $outcome->address()
        );
        // Errors are what was asked for; a stale handle is a child's that was forked in `perform`: not its lease.
        return $code === $this->functions->REFRESHCLIENT_OK ? $outcome->after($code) : null;
    }

    /** Gives the lease up where nothing was sent. */
    public function abandon(): void
    {
        $this->over();
        $this->functions->refreshclient_abandon($this->handle);
    }

    private function over(): void
    {
        $this->held = false;
        HeldLeases::remove($this);
    }
}
