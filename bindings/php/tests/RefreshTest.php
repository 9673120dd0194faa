<?php

declare(strict_types=1);

use RefreshClient\Answer;
use RefreshClient\Call;
use RefreshClient\Client;
use RefreshClient\DeadlineExceededException;
use RefreshClient\InvalidArgumentException;
use RefreshClient\SessionEndedException;
use RefreshClient\UpstreamException;

return [
    'the answer is the upstream\'s, byte for byte, and the next caller gets the same' => function (): void {
        $client = client();
        $token = emulator()->token();
        $sent = null;
        $result = $client->refresh($token, perform: function (Call $call) use (&$sent, $token): Answer {
            expect($call->refreshToken, $token, 'the token of the call');
            expect($call->organization, null, 'the organization of the call');
            expect($call->attempt, 1, 'the attempt');
            return $sent = call_upstream($call);
        });
        expect($result->body, $sent->body, 'the body');
        expect($result->requestId, $sent->requestId, 'the request id');
        expect($result->accessToken, json_decode($sent->body)->access_token, 'the access token');
        expect($result->refreshToken, json_decode($sent->body)->refresh_token, 'the refresh token');
        expect($result->data()['user']['object'], 'user', 'the decoded body');
        $late = $client->refresh($token, perform: must_not_be_called(...));
        expect($late->body, $sent->body, 'the body that a late caller gets');
        expect(emulator()->calls($token), 1, 'calls');
        expect($client->counts()['hits'] >= 1, true, 'a hit is counted');
    },

    'without perform the library calls WorkOS' => function (): void {
        $token = emulator()->token();
        $client = client();
        $result = $client->refresh($token, organization: 'org_7');
        expect($result->data()['organization_id'], 'org_7', 'the organization');
        expect($client->counts()['upstream_calls'], 1, 'calls of the library');
        expect(emulator()->calls($token), 1, 'calls');
    },

    'perform may return a string, an array or an Answer' => function (): void {
        $client = client();
        $body = '{"access_token":"a","note":"https://ä","number":1.0}';
        foreach ([$body, json_decode($body, true), new Answer(200, $body)] as $number => $answer) {
            $result = $client->refresh("token $number", perform: fn() => $answer);
            expect($result->body, $body, 'the body');
            expect($result->refreshToken, null, 'no refresh token');
        }
        $error = thrown(TypeError::class, fn() => $client->refresh('token', perform: fn() => 7));
        expect_true(str_contains($error->getMessage(), 'not int'), 'the message: ' . $error->getMessage());
        // The lease was released: nobody waits for its end.
        expect($client->refresh('token', perform: fn() => $body, deadline: 2)->accessToken, 'a', 'the next call');
    },

    'organizations are refreshed apart' => function (): void {
        $client = client();
        $organizations = [];
        foreach (['org_1', 'org_2', 'org_1'] as $organization) {
            $client->refresh('token', $organization, function (Call $call) use (&$organizations): array {
                $organizations[] = $call->organization;
                return ['access_token' => 'a'];
            });
        }
        expect($organizations, ['org_1', 'org_2'], 'the calls');
    },

    'a session that ended is an error for every caller' => function (): void {
        $client = client();
        $token = emulator()->token();
        emulator()->fault($token, ['kind' => 'mfa_enrollment']);
        foreach ([call_upstream(...), must_not_be_called(...)] as $perform) {
            $error = thrown(SessionEndedException::class, fn() => $client->refresh($token, perform: $perform));
            expect($error->retryable(), false, 'retryable');
            expect($error->reason(), 'mfa_enrollment', 'reason');
            expect($error->status(), 403, 'status');
            expect_true(is_string($error->requestId()), 'there is a request id');
            expect(json_decode($error->body())->code, 'mfa_enrollment', 'the body');
        }
        expect(emulator()->calls($token), 1, 'calls');
    },

    'a failure of the upstream leaves the token good' => function (): void {
        $client = client();
        $token = emulator()->token();
        emulator()->fault($token, ['kind' => 'status', 'status' => 503, 'retry_after' => 1]);
        $error = thrown(UpstreamException::class, fn() => $client->refresh($token, perform: call_upstream(...)));
        expect([$error->retryable(), $error->reason(), $error->status()], [true, 'server_error', 503], 'the error');
        expect($error->retryAfter(), 1.0, 'retry after');
        $client->refresh($token, perform: call_upstream(...));
        expect(emulator()->calls($token), 2, 'calls');
    },

    'a 429 pauses, and calls perform once more' => function (): void {
        $client = client();
        $token = emulator()->token();
        emulator()->fault($token, ['kind' => 'status', 'status' => 429, 'retry_after' => 1]);
        $attempts = [];
        $begun = hrtime(true);
        $client->refresh($token, perform: function (Call $call) use (&$attempts): Answer {
            $attempts[] = $call->attempt;
            return call_upstream($call);
        });
        expect($attempts, [1, 2], 'attempts');
        expect_true(hrtime(true) - $begun >= 1e9, 'there is a pause of a second');

        $error = thrown(
            UpstreamException::class,
            fn() => $client->refresh('other', perform: fn() => new Answer(429, retryAfter: '3', mayRetry: false))
        );
        expect([$error->reason(), $error->retryAfter()], ['rate_limit_exceeded', 3.0], 'without a second try');
    },

    'no answer says whether the token can have been used' => function (): void {
        $client = client();
        $error = thrown(
            UpstreamException::class,
            fn() => $client->refresh('token', perform: fn() => Answer::none(timedOut: true))
        );
        expect([$error->reason(), $error->status(), $error->mayHaveRotated()], ['timeout', null, true], 'the time-out');
        $error = thrown(
            UpstreamException::class,
            fn() => $client->refresh('token', perform: fn() => Answer::none(notSent: true))
        );
        expect([$error->reason(), $error->mayHaveRotated()], ['network_error', false], 'the refused connection');
    },

    'headers are found under any spelling' => function (): void {
        $headers = ['X-REQUEST-ID' => ['r'], 'retry-after' => '2', 'Content-type' => 'text/plain'];
        $answer = Answer::response(429, '', $headers);
        expect([$answer->requestId, $answer->retryAfter, $answer->contentType], ['r', '2', 'text/plain'], 'headers');
    },

    'the lease can be renewed' => function (): void {
        $client = client();
        $client->refresh('token', lease: 12, perform: function (Call $call): array {
            expect($call->renew(60), true, 'renew');
            return ['access_token' => 'a'];
        });
    },

    'who waits gives up at its deadline' => function (): void {
        $directory = table();
        $child = new Child(function (Closure $tell) use ($directory): void {
            client($directory)->refresh('token', perform: function () use ($tell): never {
                $tell('in perform');
                sleep(20);
                exit;
            });
        });
        expect($child->hear(), 'in perform', 'the child');
        $begun = hrtime(true);
        $error = thrown(
            DeadlineExceededException::class,
            fn() => client($directory)->refresh('token', perform: must_not_be_called(...), deadline: 0.3)
        );
        $seconds = (hrtime(true) - $begun) / 1e9;
        expect_true($seconds >= 0.3 && $seconds < 1, "it takes 0.3 s: $seconds");
        expect($error->retryable(), true, 'retryable');
        posix_kill($child->pid, SIGKILL);
        $child->end();
    },

    'bad arguments are errors, with a message' => function (): void {
        $client = client();
        $bad = [
            [['refreshToken' => ''], 'refresh token'],
            [['refreshToken' => "a\0b"], 'refreshToken'],
            [['refreshToken' => "\xff"], 'refresh_token'],
            [['refreshToken' => str_repeat('a', 20_000)], 'refresh_token'],
            [['refreshToken' => 'a', 'organization' => "o\0"], 'organization'],
            [['refreshToken' => 'a', 'deadline' => -1.0], 'deadline'],
            [['refreshToken' => 'a', 'deadline' => NAN], 'deadline'],
            [['refreshToken' => 'a', 'lease' => INF], 'lease'],
        ];
        foreach ($bad as [$arguments, $name]) {
            $error = thrown(
                InvalidArgumentException::class,
                fn() => $client->refresh(...$arguments, perform: must_not_be_called(...))
            );
            expect_true(str_contains($error->getMessage(), $name), "the message names $name: " . $error->getMessage());
        }
        thrown(InvalidArgumentException::class, fn() => new Client(''));
        thrown(InvalidArgumentException::class, fn() => new Client('c', baseUrl: 'http://example.com'));
        thrown(InvalidArgumentException::class, fn() => new Client('c', requestTimeout: 10, lease: 5));
        thrown(InvalidArgumentException::class, fn() => new Client('c', apiKey: "k\0"));
        thrown(Error::class, fn() => clone $client);
    },

    'no token is in what is dumped, or in a trace' => function (): void {
        $token = 'token-' . bin2hex(random_bytes(8));
        $client = client(apiKey: "key-$token");
        $dumped = '';
        $error = thrown(
            RuntimeException::class,
            fn() => $client->refresh($token, perform: function (Call $call) use (&$dumped): never {
                $dumped .= print_r($call, true) . print_r(new Answer(200, $call->refreshToken), true);
                throw new RuntimeException('boom');
            })
        );
        $result = $client->refresh($token, perform: fn() => ['access_token' => $token]);
        $dumped .= print_r($result, true) . print_r($client, true);
        foreach ($error->getTrace() as $frame) {
            foreach ($frame['args'] ?? [] as $argument) {
                $dumped .= is_scalar($argument) ? $argument : get_debug_type($argument);
            }
        }
        expect_true(str_contains($dumped, 'SensitiveParameterValue'), 'the trace has arguments');
        expect(str_contains($dumped, $token), false, 'the token is there');
    },

    'the directory and the version are told' => function (): void {
        $directory = table();
        expect(client($directory)->directory(), $directory, 'the directory');
        expect(preg_match('/^\d+\.\d+\.\d+$/', Client::version()), 1, 'the version');
    },
];
