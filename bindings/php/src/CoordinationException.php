<?php

declare(strict_types=1);

namespace RefreshClient;

/** The table, or its directory, cannot be used: the message says why, and what the operator can do. */
final class CoordinationException extends RefreshException
{
}
