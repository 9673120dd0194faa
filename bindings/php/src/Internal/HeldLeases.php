<?php

declare(strict_types=1);

namespace RefreshClient\Internal;

/**
 * The leases that this script holds. exit() in `perform` passes over every finally block, and a fatal error (memory,
 * max_execution_time) over the destructors as well; shutdown functions run after both.
 *
 * @internal
 */
final class HeldLeases
{
    /** @var array<int, Lease> */
    private static array $leases = [];
    private static bool $registered = false;

    public static function add(Lease $lease): void
    {
        if (!self::$registered) {
            register_shutdown_function(self::releaseAll(...));
            self::$registered = true;
        }
        self::$leases[$lease->handle] = $lease;
    }

    public static function remove(Lease $lease): void
    {
        unset(self::$leases[$lease->handle]);
    }

    private static function releaseAll(): void
    {
        foreach (self::$leases as $lease) {
            $lease->fail('the script of the process that refreshed ended before the upstream answered');
        }
    }
}
