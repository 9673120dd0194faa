<?php

declare(strict_types=1);

/** What a PHP of its own prints that makes a client. */
function output_of_php(string $settings, string $library): string
{
    $autoload = var_export(dirname(__DIR__) . '/autoload.php', true);
    $program = "require $autoload; try { new RefreshClient\\Client('c'); echo 'made'; }"
        . ' catch (RefreshClient\\SetupException $error) { echo $error->getMessage(); }';
    $command = "REFRESHCLIENT_LIBRARY=$library php $settings -r " . escapeshellarg($program);
    return (string) shell_exec("$command 2>&1");
}

return [
    'where scripts may not use FFI, the error says what to put into php.ini' => function (): void {
        $library = getenv('REFRESHCLIENT_LIBRARY');
        expect(output_of_php('-d ffi.enable=true', $library), 'made', 'with FFI');
        $output = output_of_php('-d ffi.enable=false', $library);
        expect_true(str_contains($output, 'opcache.preload'), $output);
    },

    'a library that is not there is named' => function (): void {
        $output = output_of_php('', '/nowhere/librefreshclient.so');
        expect_true(str_contains($output, '/nowhere/librefreshclient.so'), $output);
    },
];
