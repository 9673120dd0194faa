<?php

declare(strict_types=1);

namespace RefreshClient;

/** A refresh that gave no token. */
class RefreshException extends \RuntimeException
{
    /** @internal Clients make these. */
    public function __construct(
        string $message,
        private readonly string $reason = '',
        private readonly bool $retryable = false,
        private readonly ?float $retryAfter = null,
        private readonly ?int $status = null,
        private readonly ?string $requestId = null,
        private readonly bool $mayHaveRotated = false,
        #[\SensitiveParameter] private readonly ?string $body = null,
    ) {
        parent::__construct($message);
    }

    /** Whether a later try with the same token may succeed; where not, the session is over. */
    public function retryable(): bool
    {
        return $this->retryable;
    }

    /** Why, in WorkOS's words: "invalid_grant", "rate_limit_exceeded", "timeout", … */
    public function reason(): string
    {
        return $this->reason;
    }

    /** Seconds that the upstream asked to wait; null where it did not say. */
    public function retryAfter(): ?float
    {
        return $this->retryAfter;
    }

    /** HTTP status of the upstream's answer; null where there was none. */
    public function status(): ?int
    {
        return $this->status;
    }

    /** X-Request-ID of the upstream's answer. */
    public function requestId(): ?string
    {
        return $this->requestId;
    }

    /** Whether the token may have been rotated although no answer came. */
    public function mayHaveRotated(): bool
    {
        return $this->mayHaveRotated;
    }

    /** The body of the upstream's answer; null where there was none. May hold a pending_authentication_token. */
    public function body(): ?string
    {
        return $this->body;
    }
}
