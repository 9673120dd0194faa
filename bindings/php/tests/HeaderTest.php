<?php

declare(strict_types=1);

return [
    'the declarations are those of refreshclient.h' => function (): void {
        $header = escapeshellarg(getenv('REFRESHCLIENT_HEADER'));
        exec(escapeshellarg(__DIR__ . '/../generate-header') . " $header", $lines, $status);
        expect($status, 0, 'the status of generate-header');
        expect(
            implode("\n", $lines) . "\n",
            file_get_contents(__DIR__ . '/../refreshclient.h'),
            'the header that generate-header makes'
        );
    },
];
