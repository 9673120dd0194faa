<?php

declare(strict_types=1);

use RefreshClient\Client;

/** @return array{resident: int, descriptors: int} Kilobytes, and how many. */
function usage_of_process(): array
{
    gc_collect_cycles();
    preg_match('/^VmRSS:\s+(\d+)/m', file_get_contents('/proc/self/status'), $match);
    return ['resident' => (int) $match[1], 'descriptors' => count(scandir('/proc/self/fd'))];
}

return [
    'workers refresh once, with a client that the master has used' => function (): void {
        $directory = table();
        $client = client($directory);
        $client->refresh('warm-up', perform: fn() => ['access_token' => 'w']);
        $token = emulator()->token();
        $children = [];
        for ($number = 0; $number < 8; $number++) {
            $children[] = new Child(function (Closure $tell) use ($client, $token): void {
                $tell($client->refresh($token, perform: call_upstream(...))->accessToken);
                $tell($client->refresh('warm-up', perform: must_not_be_called(...))->accessToken);
            });
        }
        $tokens = [];
        foreach ($children as $child) {
            $tokens[] = $child->hear();
            expect($child->hear(), 'w', 'what the master refreshed');
            $child->end();
        }
        expect(count(array_unique($tokens)), 1, 'different access tokens: ' . implode(', ', array_unique($tokens)));
        expect(emulator()->calls($token), 1, 'calls');
    },

    '10000 opens cost no memory and no descriptor' => function (): void {
        $directory = table();
        $body = json_encode(['access_token' => str_repeat('a', 4_000)]);
        $open = static function (int $times) use ($directory, $body): void {
            for ($number = 0; $number < $times; $number++) {
                $client = client($directory);
                $client->refresh('token', perform: fn() => $body);
            }
        };
        $open(2_000);
        $before = usage_of_process();
        $begun = hrtime(true);
        $open(10_000);
        $microseconds = (hrtime(true) - $begun) / 1e3 / 10_000;
        $after = usage_of_process();
        expect($after['descriptors'], $before['descriptors'], 'descriptors');
        $grown = $after['resident'] - $before['resident'];
        expect_true($grown < 512, "resident memory grows by $grown KB");
        expect_true($microseconds < 1000, "a request takes $microseconds us");
    },

    'a client that is gone is closed' => function (): void {
        $client = client();
        $functions = RefreshClient\Internal\Library::functions();
        $handle = (fn(): int => $this->handle)->call($client);
        unset($client);
        expect($functions->refreshclient_close($handle), $functions->REFRESHCLIENT_STALE_HANDLE, 'closing it again');
    },

    '2000 refreshes that fail cost no memory' => function (): void {
        $client = client(table());
        $perform = fn() => throw new LogicException();
        $fail = static function (int $times) use ($client, $perform): void {
            for ($number = 0; $number < $times; $number++) {
                thrown(LogicException::class, fn() => $client->refresh('a', perform: $perform));
            }
        };
        $fail(500);
        $before = usage_of_process();
        $fail(2_000);
        $after = usage_of_process();
        expect($after['descriptors'], $before['descriptors'], 'descriptors');
        $grown = $after['resident'] - $before['resident'];
        expect_true($grown < 1024, "resident memory grows by $grown KB");
    },
];
