<?php

declare(strict_types=1);

namespace RefreshClient;

use RefreshClient\Internal\Lease;

/** The upstream call that this process is to make. Good until `perform` returns. */
final class Call
{
    /** @internal Clients make these. */
    public function __construct(
        private readonly Lease $lease,
        #[\SensitiveParameter] public readonly string $refreshToken,
        public readonly ?string $organization,
        /** 1, or 2 after a 429 of which the Answer said that it may be tried again. */
        public readonly int $attempt,
    ) {
    }

    /**
     * Makes the lease last so many seconds from now, where the call takes longer than was thought.
     *
     * False means that it ran out and is somebody else's by now. An answer that comes all the same is still to be
     * returned: a success counts, whoever has the lease.
     */
    public function renew(float $seconds): bool
    {
        return $this->lease->renew($seconds);
    }

    /** @return array<string, mixed> Without the token. */
    public function __debugInfo(): array
    {
        return ['organization' => $this->organization, 'attempt' => $this->attempt];
    }
}
