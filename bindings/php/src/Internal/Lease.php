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

    /**
     * Whether to call the upstream now, asked when a pause is over that the upstream asked for. Where not, as somebody
     * else has the lease by now and will have the result, it is given up.
     */
    public function maySend(?float $callTimeout): bool
    {
        $maySend = false;
        try {
            $maySend = $this->isStillOurs('may_send', Milliseconds::from($callTimeout, 'callTimeout'));
        } finally {
            if (!$maySend) {
                $this->abandon();
            }
        }
        return $maySend;
    }

    /** Makes the lease last so many seconds from now; false if it is somebody else's by now. */
    public function renew(float $seconds): bool
    {
        return $this->isStillOurs('renew', Milliseconds::from($seconds, 'seconds'));
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
    private function abandon(): void
    {
        $this->over();
        $this->functions->refreshclient_abandon($this->handle);
    }

    private function isStillOurs(string $function, int $milliseconds): bool
    {
        $error = Outcome::newError($this->functions);
        $code = $this->functions->{"refreshclient_$function"}($this->handle, $milliseconds, FFI::addr($error));
        if ($code < 0 && $code !== $this->functions->REFRESHCLIENT_LEASE_LOST) {
            throw Outcome::exception($this->functions, $code, $error, null);
        }
        return $code === $this->functions->REFRESHCLIENT_OK;
    }

    private function over(): void
    {
        $this->held = false;
        HeldLeases::remove($this);
    }
}
