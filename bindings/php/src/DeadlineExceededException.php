<?php

declare(strict_types=1);

namespace RefreshClient;

/** The caller's time was up. A call that was sent goes on, and the next caller finds its result. */
final class DeadlineExceededException extends RefreshException
{
}
