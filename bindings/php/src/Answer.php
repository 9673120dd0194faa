<?php

declare(strict_types=1);

namespace RefreshClient;

/** How an upstream call ended. */
final class Answer
{
    /**
     * @param int $status The HTTP status; 0 where no answer came.
     * @param string $body The body as it came, at most 65536 bytes; of a 200 a JSON object with access_token.
     * @param string|null $requestId X-Request-ID.
     * @param string|null $retryAfter Retry-After, as it came: seconds or an HTTP date.
     * @param string|null $contentType Content-Type.
     * @param bool $mayRetry Whether a 429 pauses and calls `perform` once more; false where it has tried again itself.
     * @param bool $timedOut Where no answer came: whether time was up.
     * @param bool $notSent Where no answer came: whether nothing can have been sent, as the connection was refused.
     */
    public function __construct(
        public readonly int $status,
        #[\SensitiveParameter] public readonly string $body = '',
        public readonly ?string $requestId = null,
        public readonly ?string $retryAfter = null,
        public readonly ?string $contentType = null,
        public readonly bool $mayRetry = true,
        public readonly bool $timedOut = false,
        public readonly bool $notSent = false,
    ) {
    }

    /**
     * An answer with its headers, under any spelling of their names.
     *
     * @param array<string, string|list<string>> $headers As PSR-7's getHeaders() and curl's header function give them.
     */
    public static function response(
        int $status,
        #[\SensitiveParameter] string $body,
        array $headers = [],
        bool $mayRetry = true,
    ): self {
        $known = [];
        foreach ($headers as $name => $value) {
            $known[strtolower((string) $name)] = is_array($value) ? ($value[0] ?? null) : $value;
        }
        return new self(
            $status,
            $body,
            $known['x-request-id'] ?? null,
            $known['retry-after'] ?? null,
            $known['content-type'] ?? null,
            $mayRetry,
        );
    }

    /** No answer came. */
    public static function none(bool $timedOut = false, bool $notSent = false): self
    {
        return new self(0, timedOut: $timedOut, notSent: $notSent);
    }

    /**
     * What `perform` returned, as an answer.
     *
     * @internal
     * @param mixed $value
     * @throws \TypeError if it is none of what it may be.
     */
    public static function from(#[\SensitiveParameter] mixed $value): self
    {
        return match (true) {
            $value instanceof self => $value,
            is_string($value) => new self(200, $value),
            is_array($value) => new self(200, json_encode(
                $value,
                JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_PRESERVE_ZERO_FRACTION
            )),
            default => throw new \TypeError(
                'perform must return a string, an array or a ' . self::class . ', not ' . get_debug_type($value)
            ),
        };
    }

    /** @return array<string, mixed> Without the body, in which the tokens are. */
    public function __debugInfo(): array
    {
        return ['status' => $this->status, 'requestId' => $this->requestId, 'retryAfter' => $this->retryAfter];
    }
}
