<?php

declare(strict_types=1);

namespace RefreshClient;

/** The upstream ended the session: the user signs in again. */
final class SessionEndedException extends RefreshException
{
}
