<?php

declare(strict_types=1);

use RefreshClient\Call;
use RefreshClient\UpstreamException;

/**
 * A child gets the lease, and leaves `perform` in some way as soon as this process waits for it. While it is left, the
 * child does not end: what this process gets is the lease's release, and not the kernel's word of a death.
 *
 * @param Closure(Closure(mixed): void): void $leave
 */
function wait_while_child_leaves(Closure $leave): UpstreamException
{
    $directory = table();
    $parent = getmypid();
    $child = new Child(function (Closure $tell) use ($directory, $parent, $leave): void {
        client($directory)->refresh('token', perform: function () use ($tell, $directory, $parent, $leave): void {
            // Runs after the binding's own shutdown function, which was registered before, and holds the process.
            register_shutdown_function(static fn() => sleep(20));
            $tell('in perform');
            await_waiter($parent, $directory);
            $leave($tell);
        });
    });
    expect($child->hear(), 'in perform', 'the child');
    try {
        return thrown(
            UpstreamException::class,
            fn() => client($directory)->refresh('token', perform: must_not_be_called(...), deadline: 10)
        );
    } finally {
        posix_kill($child->pid, SIGKILL);
        $child->end();
    }
}

function expect_released(UpstreamException $error, string $how): void
{
    expect($error->reason(), 'perform_failed', 'reason');
    expect($error->retryable(), true, 'retryable');
    expect($error->mayHaveRotated(), true, 'may have rotated');
    expect_true(str_contains($error->getMessage(), $how), 'the message says how: ' . $error->getMessage());
}

return [
    'an exception in perform is what that caller sees, and the lease is released' => function (): void {
        $client = client();
        $exception = new LogicException('boom');
        $error = thrown(
            LogicException::class,
            fn() => $client->refresh('token', perform: fn() => throw $exception)
        );
        expect($error, $exception, 'the exception');
        $begun = hrtime(true);
        expect($client->refresh('token', perform: fn() => ['access_token' => 'a'])->accessToken, 'a', 'the next call');
        expect_true(hrtime(true) - $begun < 1e9, 'the next call waits for nobody');
    },

    'an exception in perform is a transient error for who waits' => function (): void {
        $error = wait_while_child_leaves(fn() => throw new LogicException('a secret'));
        expect_released($error, 'LogicException');
        expect(str_contains($error->getMessage(), 'secret'), false, 'the exception\'s message is told');
    },

    'exit() in perform releases the lease' => function (): void {
        expect_released(wait_while_child_leaves(fn() => exit(0)), 'script');
    },

    'a fatal error in perform releases the lease' => function (): void {
        $error = wait_while_child_leaves(function (): void {
            ini_set('display_errors', '0');
            ini_set('log_errors', '0');
            ini_set('memory_limit', '16M');
            str_repeat('a', 32 << 20);
        });
        expect_released($error, 'script');
    },

    'max_execution_time in perform releases the lease' => function (): void {
        $error = wait_while_child_leaves(function (): void {
            ini_set('display_errors', '0');
            ini_set('log_errors', '0');
            set_time_limit(1);
            for (;;) {
            }
        });
        expect_released($error, 'script');
    },

    'who waits takes over from a killed process' => function (): void {
        $directory = table();
        $parent = getmypid();
        $token = emulator()->token();
        $child = new Child(function (Closure $tell) use ($directory, $parent): void {
            client($directory)->refresh('token', perform: function () use ($tell, $directory, $parent): void {
                $tell('in perform');
                await_waiter($parent, $directory);
                posix_kill(getmypid(), SIGKILL);
            });
        });
        expect($child->hear(), 'in perform', 'the child');
        $client = client($directory);
        expect($client->refresh('token', perform: fn() => ['access_token' => 'b'])->accessToken, 'b', 'the answer');
        expect($client->counts()['takeovers'], 1, 'takeovers');
        $child->end();
    },

    'a child forked in perform does not release the lease' => function (): void {
        $client = client();
        $result = $client->refresh('token', perform: function (): array {
            $pid = pcntl_fork();
            if ($pid === 0) {
                exit(0);
            }
            pcntl_waitpid($pid, $status);
            expect(pcntl_wexitstatus($status), 0, 'the child\'s status');
            return ['access_token' => 'a'];
        });
        expect($result->accessToken, 'a', 'the answer');
    },

    'who was stopped past its lease does not call again' => function (): void {
        $directory = table();
        // The lease lasts for pause + request timeout + margin after a 429: 1 + 0.2 + 2 seconds.
        $options = ['requestTimeout' => 0.2, 'lease' => 0.5];
        $child = new Child(function (Closure $tell) use ($directory, $options): void {
            $calls = 0;
            $result = client($directory, ...$options)->refresh('token', perform: function () use ($tell, &$calls) {
                $calls++;
                $tell('in perform');
                return new RefreshClient\Answer(429, retryAfter: '1');
            });
            $tell([$calls, $result->accessToken]);
        });
        expect($child->hear(), 'in perform', 'the child');
        // Time to begin the pause, with the lease kept. Stopped before that, it loses the lease sooner: all the same.
        usleep(300_000);
        posix_kill($child->pid, SIGSTOP);
        $result = client($directory, ...$options)->refresh('token', perform: fn() => ['access_token' => 'b']);
        expect($result->accessToken, 'b', 'the answer');
        posix_kill($child->pid, SIGCONT);
        expect($child->hear(), [1, 'b'], 'the calls of the stopped process, and its answer');
        $child->end();
    },

    'who fails after its lease has gone to another one gets that one\'s answer' => function (): void {
        $directory = table();
        $options = ['requestTimeout' => 0.2, 'lease' => 0.5];
        $child = new Child(function (Closure $tell) use ($directory, $options): void {
            $result = client($directory, ...$options)->refresh('token', perform: function () use ($tell, $directory) {
                $tell('in perform');
                while (!file_exists("$directory/taken-over")) {
                    usleep(2_000);
                }
                return new RefreshClient\Answer(503);
            });
            $tell($result->accessToken);
        });
        expect($child->hear(), 'in perform', 'the child');
        $perform = function (Call $call) use ($directory, $child): array {
            $call->renew(20);
            touch("$directory/taken-over");
            await_waiter($child->pid, $directory);
            return ['access_token' => 'b'];
        };
        expect(client($directory, ...$options)->refresh('token', perform: $perform)->accessToken, 'b', 'the answer');
        expect($child->hear(), 'b', 'the answer of who failed');
        $child->end();
    },
];
