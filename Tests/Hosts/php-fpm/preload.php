<?php

/* opcache.preload of the host with HOST_PRELOAD: the library is loaded and used before the master forks. */

declare(strict_types=1);

use RefreshClient\RefreshException;

require_once __DIR__ . '/../../../bindings/php/preload.php';
require_once __DIR__ . '/upstream.php';

$client = client();
if ($token = getenv('HOST_WARMUP_TOKEN')) {
    try {
        $client->refresh($token, perform: call_workos(...));
    } catch (RefreshException $error) {
        error_log("the refresh before the fork failed: {$error->getMessage()}");
    }
}
