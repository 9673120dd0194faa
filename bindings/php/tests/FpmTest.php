<?php

declare(strict_types=1);

/** The host of Tests/Hosts with one child, its port and its scratch directory. */
final class FpmHost
{
    public readonly int $port;
    /** @var resource */
    private readonly mixed $process;
    private readonly string $scratch;

    /** @param array<string, string> $environment */
    public function __construct(array $environment)
    {
        $socket = stream_socket_server('tcp://127.0.0.1:0');
        $this->port = (int) substr(strrchr(stream_socket_get_name($socket, false), ':'), 1);
        fclose($socket);
        $this->scratch = sys_get_temp_dir() . '/php-fpm-' . bin2hex(random_bytes(6));
        mkdir($this->scratch, 0700);
        $this->process = proc_open(
            [dirname(__DIR__, 3) . '/Tests/Hosts/php-fpm/start'],
            [1 => ['file', "$this->scratch/out", 'a'], 2 => ['file', "$this->scratch/out", 'a']],
            $pipes,
            env_vars: $environment + [
                'HOST_PORT' => (string) $this->port,
                'HOST_WORKERS' => '1',
                'HOST_SCRATCH' => $this->scratch,
                'REFRESHD_DIRECTORY' => table(),
                'WORKOS_BASE_URL' => emulator()->url,
                'WORKOS_CLIENT_ID' => 'client_php',
                'WORKOS_API_KEY' => 'sk_php',
            ] + getenv()
        );
        for ($until = hrtime(true) + 20e9; @file_get_contents("http://127.0.0.1:$this->port/healthz") !== 'ok';) {
            if (hrtime(true) > $until || !proc_get_status($this->process)['running']) {
                throw new Failed('PHP-FPM does not serve: ' . file_get_contents("$this->scratch/out"));
            }
            usleep(50_000);
        }
    }

    public function __destruct()
    {
        proc_terminate($this->process);
        proc_close($this->process);
        exec('rm -rf ' . escapeshellarg($this->scratch));
    }

    /** @return array{access_token: string, pid: int} */
    public function page(string $token): array
    {
        static $curl;
        $curl ??= curl_init();
        curl_setopt($curl, CURLOPT_URL, "http://127.0.0.1:$this->port/page");
        curl_setopt($curl, CURLOPT_RETURNTRANSFER, true);
        curl_setopt($curl, CURLOPT_HTTPHEADER, ["X-Refresh-Token: $token"]);
        $page = json_decode((string) curl_exec($curl), true);
        return isset($page['access_token']) ? $page : throw new Failed('the page: ' . json_encode($page));
    }
}

/** @return array{int, int} Resident kilobytes and descriptors of a child that serves nobody. */
function usage_of(int $pid): array
{
    // The page is there before the child has closed the connection that it came by: hence the fewest of some looks.
    $descriptors = [];
    for ($look = 0; $look < 20; $look++) {
        $descriptors[] = count(scandir("/proc/$pid/fd"));
        usleep(5_000);
    }
    preg_match('/^VmRSS:\s+(\d+)/m', file_get_contents("/proc/$pid/status"), $match);
    return [(int) $match[1], min($descriptors)];
}

function serve_many_requests(bool $preload): void
{
    $host = new FpmHost($preload ? ['HOST_PRELOAD' => '1', 'HOST_WARMUP_TOKEN' => emulator()->token()] : []);
    $token = emulator()->token();
    $first = $host->page($token);
    $serve = static function (int $times) use ($host, $token, $first): void {
        for ($number = 0; $number < $times; $number++) {
            expect($host->page($token), $first, 'the page');
        }
    };
    $serve(500);
    [$resident, $descriptors] = usage_of($first['pid']);
    $serve(3_000);
    [$grown, $left] = usage_of($first['pid']);
    expect($left, $descriptors, 'descriptors');
    expect_true($grown - $resident < 256, 'resident memory grows by ' . $grown - $resident . ' KB');
    expect(emulator()->calls($token), 1, 'calls');
}

return [
    'a child opens a client in each of 3500 requests, and does not grow' => fn() => serve_many_requests(false),
    'nor one whose master has used the library' => fn() => serve_many_requests(true),
];
