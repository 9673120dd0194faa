<?php

declare(strict_types=1);

namespace RefreshClient;

/** The upstream's 200. All callers that refresh one token get the same bytes. */
final class Result
{
    /** The body as the upstream sent it. */
    public readonly string $body;
    /** X-Request-ID of the answer. */
    public readonly ?string $requestId;
    public readonly string $accessToken;
    /** The successor of the token that was sent; null where the provider does not rotate. */
    public readonly ?string $refreshToken;

    /** @var array<string, mixed> */
    private readonly array $data;

    /** @internal Clients make these. */
    public function __construct(#[\SensitiveParameter] string $body, ?string $requestId)
    {
        $this->body = $body;
        $this->requestId = $requestId;
        $this->data = json_decode($body, true, flags: JSON_THROW_ON_ERROR | JSON_BIGINT_AS_STRING);
        $this->accessToken = $this->data['access_token'];
        $this->refreshToken = $this->data['refresh_token'] ?? null;
    }

    /** @return array<string, mixed> The body, decoded: user, organization_id and the rest. */
    public function data(): array
    {
        return $this->data;
    }

    /** @return array<string, mixed> Without the tokens. */
    public function __debugInfo(): array
    {
        return ['requestId' => $this->requestId];
    }
}
