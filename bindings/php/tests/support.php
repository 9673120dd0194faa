<?php

declare(strict_types=1);

use RefreshClient\Answer;
use RefreshClient\Call;
use RefreshClient\Client;

/** An expectation that did not hold. */
final class Failed extends Exception
{
}

function expect(mixed $seen, mixed $expected, string $what): void
{
    if ($seen !== $expected) {
        throw new Failed(sprintf('%s: %s, not %s', $what, var_export($seen, true), var_export($expected, true)));
    }
}

function expect_true(bool $holds, string $what): void
{
    expect($holds, true, $what);
}

/** @return array{string, int} The test's line that an error came from. */
function where(Throwable $error): array
{
    foreach ([['file' => $error->getFile(), 'line' => $error->getLine()], ...$error->getTrace()] as $frame) {
        if (str_ends_with($frame['file'] ?? '', 'Test.php')) {
            return [basename($frame['file']), $frame['line']];
        }
    }
    return [basename($error->getFile()), $error->getLine()];
}

/**
 * What a function throws, which must be of this class.
 *
 * @template T of Throwable
 * @param class-string<T> $class
 * @return T
 */
function thrown(string $class, callable $function): Throwable
{
    try {
        $function();
    } catch (Throwable $error) {
        if (get_class($error) === $class) {
            return $error;
        }
        throw new Failed(get_class($error) . " was thrown, not $class: " . $error->getMessage());
    }
    throw new Failed("nothing was thrown, where $class should be");
}

/** A directory of its own for each test's table. */
function table(): string
{
    $directory = (is_writable('/dev/shm') ? '/dev/shm' : sys_get_temp_dir()) . '/php-test-' . bin2hex(random_bytes(6));
    mkdir($directory, 0700);
    $owner = getmypid();
    register_shutdown_function(static function () use ($directory, $owner): void {
        if (getmypid() === $owner) {
            exec('rm -rf ' . escapeshellarg($directory));
        }
    });
    return $directory;
}

function client(?string $directory = null, mixed ...$options): Client
{
    return new Client(...$options + [
        'clientId' => 'client_php',
        'baseUrl' => emulator()->url,
        'directory' => $directory ?? table(),
    ]);
}

/** The running emulator. */
final class Emulator
{
    public readonly string $url;
    /** @var resource */
    private readonly mixed $process;
    private readonly int $owner;

    public function __construct()
    {
        $this->owner = getmypid();
        $limits = ['--user-limit', 'off', '--environment-limit', 'off'];
        $this->process = proc_open([getenv('WORKOS_EMULATOR'), ...$limits], [1 => ['pipe', 'w']], $pipes);
        $line = (string) fgets($pipes[1]);
        preg_match('~http://\S+~', $line, $match) || throw new Failed("the emulator did not start: $line");
        $this->url = $match[0];
    }

    public function __destruct()
    {
        if (getmypid() === $this->owner) {
            proc_terminate($this->process);
        }
    }

    /** @return array<string, mixed> */
    public function post(string $path, mixed $body = []): array
    {
        $context = stream_context_create(['http' => [
            'method' => 'POST',
            'content' => json_encode($body === [] ? new stdClass() : $body),
            'header' => 'Content-Type: application/json',
        ]]);
        return json_decode(file_get_contents($this->url . $path, false, $context), true);
    }

    public function token(): string
    {
        return $this->post('/_emulator/sessions')['refresh_token'];
    }

    /** @param array<string, mixed> $fault */
    public function fault(string $token, array $fault): void
    {
        $this->post('/_emulator/faults', [$fault + ['refresh_token' => $token]]);
    }

    public function calls(string $token): int
    {
        $hash = substr(hash('sha256', $token), 0, 16);
        return json_decode(file_get_contents("$this->url/_emulator/stats?token_hash=$hash"), true)['refresh_calls'];
    }
}

function emulator(): Emulator
{
    static $emulator = null;
    return $emulator ??= new Emulator();
}

/** Calls the emulator with PHP's own streams. */
function call_upstream(Call $call): Answer
{
    $context = stream_context_create(['http' => [
        'method' => 'POST',
        'header' => 'Content-Type: application/json',
        'content' => json_encode([
            'grant_type' => 'refresh_token',
            'client_id' => 'client_php',
            'refresh_token' => $call->refreshToken,
        ] + ($call->organization === null ? [] : ['organization_id' => $call->organization])),
        'ignore_errors' => true,
    ]]);
    $body = file_get_contents(emulator()->url . '/user_management/authenticate', false, $context);
    $headers = [];
    foreach ($http_response_header as $line) {
        [$name, $value] = explode(':', $line, 2) + [1 => ''];
        $headers[$name] = trim($value);
    }
    return Answer::response((int) explode(' ', $http_response_header[0])[1], $body, $headers);
}

function must_not_be_called(): never
{
    throw new Failed('the upstream is called, where a result should be there');
}

/** A forked child that runs a function, and tells its parent things. */
final class Child
{
    public readonly int $pid;
    /** @var resource */
    private readonly mixed $stream;

    /** @param callable(Closure(mixed): void): void $function Gets a function that sends a value to the parent. */
    public function __construct(callable $function)
    {
        [$ours, $theirs] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
        emulator();
        $this->pid = pcntl_fork();
        if ($this->pid === 0) {
            fclose($ours);
            $tell = static function (mixed $value) use ($theirs): void {
                fwrite($theirs, serialize($value) . "\n");
            };
            try {
                $function($tell);
            } catch (Throwable $error) {
                $tell(get_class($error) . ': ' . $error->getMessage());
            }
            posix_kill(getmypid(), SIGKILL);
        }
        fclose($theirs);
        $this->stream = $ours;
        stream_set_timeout($this->stream, 20);
    }

    /** What the child sends next. */
    public function hear(): mixed
    {
        $line = fgets($this->stream);
        return $line === false ? throw new Failed('the child says nothing') : unserialize($line);
    }

    /** Waits for its end. */
    public function end(): void
    {
        pcntl_waitpid($this->pid, $status);
    }
}

/** Returns once a process waits for a lease: it has the wake pipe of another one open, for reading alone. */
function await_waiter(int $pid, string $directory): void
{
    for ($until = hrtime(true) + 20e9; hrtime(true) < $until; usleep(2_000)) {
        foreach (glob("/proc/$pid/fd/*") as $descriptor) {
            $mode = @lstat($descriptor)['mode'] ?? 0;
            if (str_starts_with((string) @readlink($descriptor), "$directory/pipes/") && ($mode & 0200) === 0) {
                return;
            }
        }
    }
    throw new Failed("process $pid does not wait");
}
