<?php

declare(strict_types=1);

namespace RefreshClient;

use FFI;
use RefreshClient\Internal\Library;
use RefreshClient\Internal\Memory;
use RefreshClient\Internal\Milliseconds;
use RefreshClient\Internal\Outcome;

/**
 * Refreshes each single-use token once, however many processes of the machine hold it; all get the same answer.
 *
 * Make one in each request: that costs a lookup, and all clients of a process share what is open. A client made before
 * a fork is good after it. Times are seconds.
 */
final class Client
{
    private readonly FFI $functions;
    private readonly int $handle;
    private readonly ?float $lease;
    private readonly float $deadline;

    /**
     * Null stands for the library's default, which refreshclient.h names beside each option.
     *
     * @param string $clientId The OAuth client identifier. Part of what makes two refreshes the same.
     * @param string|null $apiKey The API key, for refresh() without `perform`. Default: none, a public client.
     * @param string|null $baseUrl The WorkOS API. Default: https://api.workos.com. http only for loopback hosts.
     * @param string|null $tokenEndpoint Another provider's token endpoint, instead of $baseUrl; refresh() then needs
     *     `perform`.
     * @param string|null $directory Where the table lives; all workers must use the same one. Default:
     *     REFRESHD_DIRECTORY, else /run/refreshd where it exists, else one of the user's.
     * @param string|null $caBundle A file of PEM certificates for refresh() without `perform`.
     * @param float|null $requestTimeout How long one upstream call of the library's may take. Default 10.
     * @param float|null $lease How long a lease lasts; longer than $requestTimeout. Default 12.
     * @param float|null $resultRetention How long a result stays for callers that arrive late. Default 30.
     * @param float|null $terminalFailureRetention How long a terminal failure answers new callers. Default 5.
     * @param float $deadline How long refresh() may take, but for `perform`'s own time.
     * @param int|null $mapSize Size of the map for whoever makes the table, in bytes, a multiple of 4096.
     * @param bool $polls Whether to poll the table instead of waiting on named pipes.
     * @param bool $failsWithoutTable Whether refresh() fails where the table does, instead of refreshing without it.
     * @param LogLevel $logLevel What the library writes to standard error.
     *
     * @throws InvalidArgumentException if an option is not what it should be; the message says which.
     * @throws SetupException if PHP cannot load the library; the message says what to put into php.ini.
     */
    public function __construct(
        string $clientId,
        #[\SensitiveParameter] ?string $apiKey = null,
        ?string $baseUrl = null,
        ?string $tokenEndpoint = null,
        ?string $directory = null,
        ?string $caBundle = null,
        ?float $requestTimeout = null,
        ?float $lease = null,
        ?float $resultRetention = null,
        ?float $terminalFailureRetention = null,
        float $deadline = 30,
        ?int $mapSize = null,
        bool $polls = false,
        bool $failsWithoutTable = false,
        LogLevel $logLevel = LogLevel::Warnings,
    ) {
        $this->functions = Library::functions();
        $this->lease = $lease;
        $this->deadline = $deadline;
        $memory = new Memory($this->functions);
        try {
            $options = $this->functions->new('refreshclient_options');
            $options->size = FFI::sizeof($options);
            $options->directory = $memory->text($directory, 'directory');
            $options->client_id = $memory->text($clientId, 'clientId');
            $options->api_key = $memory->text($apiKey, 'apiKey');
            $options->base_url = $memory->text($baseUrl, 'baseUrl');
            $options->token_endpoint = $memory->text($tokenEndpoint, 'tokenEndpoint');
            $options->ca_bundle = $memory->text($caBundle, 'caBundle');
            $options->request_timeout_ms = Milliseconds::from($requestTimeout, 'requestTimeout');
            $options->lease_ms = Milliseconds::from($lease, 'lease');
            $options->result_retention_ms = Milliseconds::from($resultRetention, 'resultRetention');
            $options->terminal_failure_retention_ms =
                Milliseconds::from($terminalFailureRetention, 'terminalFailureRetention');
            $options->deadline_ms = Milliseconds::from($deadline, 'deadline');
            $options->map_size = $mapSize ?? -1;
            $options->polls = (int) $polls;
            $options->fails_without_table = (int) $failsWithoutTable;
            $options->log_level = $logLevel->value;

            $handle = $this->functions->new('refreshclient_t');
            $error = Outcome::newError($this->functions);
            $code = $this->functions->refreshclient_open(FFI::addr($options), FFI::addr($handle), FFI::addr($error));
        } finally {
            $memory->wipe();
        }
        if ($code < 0) {
            throw Outcome::exception($this->functions, $code, $error, null);
        }
        $this->handle = $handle->cdata;
    }

    public function __destruct()
    {
        // Not set where the constructor threw. Closing gives back one of the opens; the library stays ready.
        if (isset($this->handle)) {
            $this->functions->refreshclient_close($this->handle);
        }
    }

    private function __clone()
    {
    }

    /**
     * Returns the upstream's answer for a token: from another caller, or made now.
     *
     * If this caller is to call the upstream, it does so with `perform`, once; or, after a 429 that leaves it the
     * choice, twice. What `perform` throws, this throws; whoever waits then gets a transient error, as the token may
     * have been sent. It may also leave by exit(): the lease is released all the same.
     *
     * Without `perform`, the library calls WorkOS itself, on a thread that goes on past this caller's deadline.
     *
     * @param string $refreshToken The single-use token.
     * @param string|null $organization The organization to switch to. Default: stay.
     * @param (callable(Call): (string|array<mixed>|Answer))|null $perform Makes one upstream call with the token and
     *     organization of the Call. Returns the body of a 200: as it came, or decoded; or an Answer, which tells
     *     failures apart so that whoever waits learns of them.
     * @param float|null $deadline How long this may take, but for `perform`'s own time. Default: the client's.
     * @param float|null $lease How long the lease lasts if this caller calls the upstream: longer than `perform` can
     *     take, its retries included. Default: the client's.
     * @param string|null $scope,$resource,$audience For providers that take them. Part of what makes two refreshes the
     *     same.
     * @param string|null $ipAddress,$userAgent,$deviceId Of the end user, for the library's own call.
     *
     * @throws SessionEndedException if the upstream ended the session: the user signs in again.
     * @throws UpstreamException if the upstream could not be reached or could not answer: the token is likely good.
     * @throws DeadlineExceededException if the time was up; the next call finds the result of a call that was sent.
     * @throws CoordinationException if the table cannot be used.
     * @throws InvalidArgumentException if an argument is not what it should be; the message says which.
     */
    public function refresh(
        #[\SensitiveParameter] string $refreshToken,
        ?string $organization = null,
        ?callable $perform = null,
        ?float $deadline = null,
        ?float $lease = null,
        ?string $scope = null,
        ?string $resource = null,
        ?string $audience = null,
        ?string $ipAddress = null,
        ?string $userAgent = null,
        ?string $deviceId = null,
    ): Result {
        $memory = new Memory($this->functions);
        try {
            $request = $this->functions->new('refreshclient_request');
            $request->size = FFI::sizeof($request);
            $request->refresh_token = $memory->text($refreshToken, 'refreshToken');
            $request->organization_id = $memory->text($organization, 'organization');
            $request->scope = $memory->text($scope, 'scope');
            $request->resource = $memory->text($resource, 'resource');
            $request->audience = $memory->text($audience, 'audience');
            $request->ip_address = $memory->text($ipAddress, 'ipAddress');
            $request->user_agent = $memory->text($userAgent, 'userAgent');
            $request->device_id = $memory->text($deviceId, 'deviceId');
            $request->deadline_ms = Milliseconds::from($deadline ?? $this->deadline, 'deadline');
            $request->lease_ms = Milliseconds::from($lease, 'lease');

            if ($perform === null) {
                $outcome = new Outcome($this->functions);
                return $outcome->after($this->functions->refreshclient_refresh_workos(
                    $this->handle,
                    FFI::addr($request),
                    $outcome->address()
                ))->result();
            }
            $refresh = new Internal\Refresh(
                $this->functions,
                $this->handle,
                $request,
                $lease ?? $this->lease,
                $perform
            );
            return $refresh->run($refreshToken, $organization);
        } finally {
            $memory->wipe();
        }
    }

    /** The directory that the table is in. */
    public function directory(): string
    {
        $length = $this->functions->refreshclient_directory($this->handle, null, 0);
        $buffer = $this->functions->new('char[' . ($length + 1) . ']');
        $this->functions->refreshclient_directory($this->handle, $buffer, $length + 1);
        return FFI::string($buffer);
    }

    /**
     * What happened in this process, through this client's directory, since it started or was forked.
     *
     * @return array{upstream_calls: int, claims: int, takeovers: int, hits: int, refreshed_alone: int,
     *     coordination_failures: int} With `perform`, `upstream_calls` stays 0: they are the caller's own.
     */
    public function counts(): array
    {
        $counts = $this->functions->new('refreshclient_counts');
        $counts->size = FFI::sizeof($counts);
        $this->functions->refreshclient_get_counts($this->handle, FFI::addr($counts));
        $named = [];
        foreach (
            ['upstream_calls', 'claims', 'takeovers', 'hits', 'refreshed_alone', 'coordination_failures'] as $name
        ) {
            $named[$name] = $counts->$name;
        }
        return $named;
    }

    /** The version of librefreshclient.so. */
    public static function version(): string
    {
        return Library::functions()->refreshclient_version();
    }
}
