<?php

/* For programs without Composer: `require` this once. */

declare(strict_types=1);

spl_autoload_register(static function (string $class): void {
    if (str_starts_with($class, 'RefreshClient\\')) {
        $file = __DIR__ . '/src/' . strtr(substr($class, strlen('RefreshClient\\')), '\\', '/') . '.php';
        if (is_file($file)) {
            require_once $file;
        }
    }
});
