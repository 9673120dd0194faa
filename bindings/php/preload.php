<?php

/*
 * For php.ini: opcache.preload = /path/to/preload.php
 *
 * With ffi.enable = preload, which is PHP's default, only preloaded code may use FFI: this loads the classes, and the
 * library beside them. Where the master runs as root and opcache.preload_user is somebody else, PHP preloads in a
 * child process and cannot keep the library: name the header in ffi.preload as well.
 */

declare(strict_types=1);

require_once __DIR__ . '/autoload.php';

foreach (glob(__DIR__ . '/src/{,*/}*.php', GLOB_BRACE) as $file) {
    require_once $file;
}

RefreshClient\Internal\Library::preload();
