<?php

declare(strict_types=1);

namespace RefreshClient;

/** An argument is not what it should be; the message says which, and what it must be. */
final class InvalidArgumentException extends \InvalidArgumentException
{
}
