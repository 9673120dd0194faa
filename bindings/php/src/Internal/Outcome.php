<?php

declare(strict_types=1);

namespace RefreshClient\Internal;

use FFI;
use FFI\CData;
use RefreshClient\CoordinationException;
use RefreshClient\DeadlineExceededException;
use RefreshClient\InvalidArgumentException;
use RefreshClient\RefreshException;
use RefreshClient\Result;
use RefreshClient\SessionEndedException;
use RefreshClient\UpstreamException;

/**
 * What a function of the library says. Frees and wipes the library's memory when it goes.
 *
 * @internal
 */
final class Outcome
{
    private int $code = 0;
    private readonly CData $data;

    public function __construct(private readonly FFI $functions)
    {
        $this->data = $functions->new('refreshclient_outcome');
        $this->data->size = FFI::sizeof($this->data);
        $this->data->descriptor = -1;
        self::prepare($this->data->error);
    }

    public function __destruct()
    {
        $this->functions->refreshclient_outcome_free($this->address());
    }

    public function address(): CData
    {
        return FFI::addr($this->data);
    }

    /**
     * What the function returned.
     *
     * @throws RefreshException|InvalidArgumentException if that is an error, and not $but.
     */
    public function after(int $code, ?int $but = null): self
    {
        $this->code = $code;
        if ($code < 0 && $code !== $but) {
            throw self::exception($this->functions, $code, $this->data->error, $this->body());
        }
        return $this;
    }

    public function isResult(): bool
    {
        return $this->code === $this->functions->REFRESHCLIENT_OK;
    }

    /** Whether the lease is somebody else's by now, who has no outcome yet. */
    public function isLost(): bool
    {
        return $this->code === $this->functions->REFRESHCLIENT_LEASE_LOST;
    }

    public function result(): Result
    {
        return new Result($this->body() ?? '', self::text($this->data->request_id) ?: null);
    }

    public function lease(): Lease
    {
        return new Lease($this->functions, $this->data->lease);
    }

    public static function newError(FFI $functions): CData
    {
        $error = $functions->new('refreshclient_error');
        self::prepare($error);
        return $error;
    }

    public static function exception(
        FFI $functions,
        int $code,
        CData $error,
        #[\SensitiveParameter] ?string $body
    ): RefreshException|InvalidArgumentException {
        $message = self::text($error->message) ?: "refreshclient returned $code";
        if ($code === $functions->REFRESHCLIENT_INVALID_ARGUMENT) {
            return new InvalidArgumentException($message);
        }
        $class = match ($code) {
            $functions->REFRESHCLIENT_SESSION_ENDED => SessionEndedException::class,
            $functions->REFRESHCLIENT_UPSTREAM_FAILED,
            $functions->REFRESHCLIENT_CALLBACK_FAILED => UpstreamException::class,
            $functions->REFRESHCLIENT_DEADLINE_EXCEEDED => DeadlineExceededException::class,
            $functions->REFRESHCLIENT_COORDINATION_FAILED,
            $functions->REFRESHCLIENT_DIRECTORY_UNUSABLE,
            $functions->REFRESHCLIENT_RESOURCES_EXHAUSTED => CoordinationException::class,
            default => RefreshException::class,
        };
        return new $class(
            $message,
            reason: self::text($error->reason),
            retryable: $error->is_retryable !== 0,
            retryAfter: $error->retry_after_ms < 0 ? null : $error->retry_after_ms / 1000,
            status: $error->http_status ?: null,
            requestId: self::text($error->request_id) ?: null,
            mayHaveRotated: $error->may_have_rotated !== 0,
            body: $body,
        );
    }

    private function body(): ?string
    {
        return $this->data->body === null ? null : FFI::string($this->data->body, $this->data->body_length);
    }

    private static function prepare(CData $error): void
    {
        $error->size = FFI::sizeof($error);
        $error->retry_after_ms = -1;
    }

    private static function text(CData $characters): string
    {
        return FFI::string($characters);
    }
}
