<?php

declare(strict_types=1);

use RefreshClient\RefreshException;

// Only loads what was not preloaded: functions and classes that were are there before the first line.
if (!function_exists('call_workos')) {
    require __DIR__ . '/upstream.php';
}

if (parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH) === '/healthz') {
    header('Content-Type: text/plain');
    echo 'ok';
    exit;
}

header('Content-Type: application/json');
try {
    $result = client()->refresh($_SERVER['HTTP_X_REFRESH_TOKEN'] ?? '', perform: call_workos(...));
    echo json_encode(['access_token' => $result->accessToken, 'pid' => getmypid()], JSON_THROW_ON_ERROR);
} catch (RefreshException $error) {
    http_response_code(503);
    echo json_encode([
        'error' => $error->reason(),
        'retryable' => $error->retryable(),
        'message' => $error->getMessage(),
    ], JSON_THROW_ON_ERROR);
} catch (\InvalidArgumentException $error) {
    http_response_code(503);
    echo json_encode(
        ['error' => 'invalid_request', 'retryable' => false, 'message' => $error->getMessage()],
        JSON_THROW_ON_ERROR
    );
}
