<?php

declare(strict_types=1);

namespace RefreshClient;

/** What the library writes to standard error. Never a token. */
enum LogLevel: int
{
    case None = 0;
    case Errors = 1;
    case Warnings = 2;
    case Notices = 3;
    case Information = 4;
}
