<?php

declare(strict_types=1);

namespace RefreshClient\Internal;

use FFI;
use FFI\CData;
use RefreshClient\Answer;
use RefreshClient\Call;
use RefreshClient\Result;

/**
 * One refresh with the caller's own upstream call. The library is asked with begin and finish, never with a callback:
 * no exception of PHP's, and no exit(), passes through its frames.
 *
 * @internal
 */
final class Refresh
{
    /** Seconds of its lease that a holder leaves unused: refreshclient_request's lease_ms says why. */
    private const MARGIN = 2.0;

    private readonly \Closure $perform;
    private readonly float $end;

    public function __construct(
        private readonly FFI $functions,
        private readonly int $client,
        private readonly CData $request,
        private readonly ?float $leaseSeconds,
        callable $perform,
    ) {
        $this->perform = $perform(...);
        $this->end = hrtime(true) / 1e6 + $request->deadline_ms;
    }

    public function run(#[\SensitiveParameter] string $refreshToken, ?string $organization): Result
    {
        for (;;) {
            $outcome = new Outcome($this->functions);
            $outcome->after($this->functions->refreshclient_begin(
                $this->client,
                FFI::addr($this->request),
                $outcome->address()
            ));
            if ($outcome->isResult()) {
                return $outcome->result();
            }
            $result = $this->call($outcome->lease(), $refreshToken, $organization);
            if ($result !== null) {
                return $result;
            }
            // The lease went to somebody else, before the call was sent or before it failed: theirs is the result.
            $this->request->deadline_ms = (int) max(0, ceil($this->end - hrtime(true) / 1e6));
        }
    }

    private function call(Lease $lease, #[\SensitiveParameter] string $refreshToken, ?string $organization): ?Result
    {
        $callTimeout = $this->leaseSeconds === null ? null : max(0.0, $this->leaseSeconds - self::MARGIN);
        try {
            for ($attempt = 1;; $attempt++) {
                if (!$lease->maySend($callTimeout)) {
                    return null;
                }
                $answer = ($this->perform)(new Call($lease, $refreshToken, $organization, $attempt));
                $outcome = $lease->finish(Answer::from($answer));
                if ($outcome->isResult()) {
                    return $outcome->result();
                }
                if ($outcome->isLost()) {
                    return null;
                }
                // Else the upstream asked for a pause, which maySend() waits out.
            }
        } catch (\Throwable $thrown) {
            // The class only: the message is the application's, and may tell what the log must not.
            $stored = $lease->fail('the upstream call threw ' . get_debug_type($thrown));
            if ($stored !== null) {
                return $stored->result();
            }
            throw $thrown;
        }
    }
}
