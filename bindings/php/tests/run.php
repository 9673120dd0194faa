<?php

/* Runs every test of the files *Test.php, or those whose names hold the first argument; see ../test. */

declare(strict_types=1);

require __DIR__ . '/../autoload.php';
require __DIR__ . '/support.php';

set_error_handler(static function (int $level, string $message, string $file, int $line): bool {
    if ((error_reporting() & $level) === 0) {
        return true;
    }
    throw new ErrorException($message, 0, $level, $file, $line);
});

$wanted = $argv[1] ?? '';
$failed = [];
$passed = 0;
foreach (glob(__DIR__ . '/*Test.php') as $file) {
    foreach (require $file as $name => $test) {
        $name = basename($file, 'Test.php') . ": $name";
        if ($wanted !== '' && !str_contains($name, $wanted)) {
            continue;
        }
        $begun = hrtime(true);
        try {
            $test();
            $passed++;
            printf("ok    %s (%.2f s)\n", $name, (hrtime(true) - $begun) / 1e9);
        } catch (Throwable $error) {
            $failed[] = $name;
            printf("FAIL  %s\n      %s at %s:%d\n", $name, $error->getMessage() ?: get_class($error), ...where($error));
        }
    }
}
printf("%d passed, %d failed\n", $passed, count($failed));
exit($failed === [] && $passed > 0 ? 0 : 1);
