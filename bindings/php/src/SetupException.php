<?php

declare(strict_types=1);

namespace RefreshClient;

/** PHP cannot load librefreshclient.so; the message says what to put into php.ini. */
final class SetupException extends \RuntimeException
{
}
