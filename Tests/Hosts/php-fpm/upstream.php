<?php

declare(strict_types=1);

use RefreshClient\Answer;
use RefreshClient\Call;
use RefreshClient\Client;

/** The client: made on every request. */
function client(): Client
{
    return new Client(
        clientId: getenv('WORKOS_CLIENT_ID'),
        apiKey: getenv('WORKOS_API_KEY'),
        baseUrl: getenv('WORKOS_BASE_URL'),
    );
}

/** Calls WorkOS with ext-curl. */
function call_workos(Call $call): Answer
{
    $headers = [];
    $curl = curl_init(getenv('WORKOS_BASE_URL') . '/user_management/authenticate');
    curl_setopt_array($curl, [
        CURLOPT_POST => true,
        CURLOPT_POSTFIELDS => json_encode(array_filter([
            'grant_type' => 'refresh_token',
            'client_id' => getenv('WORKOS_CLIENT_ID'),
            'client_secret' => getenv('WORKOS_API_KEY'),
            'refresh_token' => $call->refreshToken,
            'organization_id' => $call->organization,
        ], is_string(...)), JSON_THROW_ON_ERROR),
        CURLOPT_HTTPHEADER => ['Content-Type: application/json'],
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_TIMEOUT => 10,
        CURLOPT_HEADERFUNCTION => static function ($curl, string $line) use (&$headers): int {
            [$name, $value] = explode(':', $line, 2) + [1 => ''];
            $headers[$name] = trim($value);
            return strlen($line);
        },
    ]);
    $body = curl_exec($curl);
    if ($body === false) {
        $code = curl_errno($curl);
        return Answer::none(
            timedOut: $code === CURLE_OPERATION_TIMEDOUT,
            notSent: in_array($code, [CURLE_COULDNT_CONNECT, CURLE_COULDNT_RESOLVE_HOST], true),
        );
    }
    return Answer::response(curl_getinfo($curl, CURLINFO_RESPONSE_CODE), $body, $headers);
}
