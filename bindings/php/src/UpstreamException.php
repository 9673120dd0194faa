<?php

declare(strict_types=1);

namespace RefreshClient;

/**
 * The upstream could not be reached or could not answer, or the `perform` of whoever called it threw: the token is
 * likely still good.
 */
final class UpstreamException extends RefreshException
{
}
