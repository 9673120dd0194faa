<?php

declare(strict_types=1);

namespace RefreshClient\Internal;

use RefreshClient\InvalidArgumentException;

/**
 * Seconds as PHP says them, in the library's milliseconds.
 *
 * @internal
 */
final class Milliseconds
{
    /** REFRESHCLIENT_DEFAULT. */
    private const DEFAULT = -1;

    /** @throws InvalidArgumentException unless the time is null, for the default, or 0 to 24 hours. */
    public static function from(?float $seconds, string $name): int
    {
        if ($seconds === null) {
            return self::DEFAULT;
        }
        // Written so that NAN is refused as well. A negative number must not become the library's "default".
        if (!($seconds >= 0 && $seconds <= 86_400)) {
            throw new InvalidArgumentException("$name must be 0 to 86400 seconds");
        }
        return (int) ceil($seconds * 1000);
    }
}
