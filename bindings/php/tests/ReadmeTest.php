<?php

declare(strict_types=1);

/** @return list<string> The PHP examples of the README. */
function examples(): array
{
    preg_match_all('/^```php\n(.*?)^```$/ms', file_get_contents(__DIR__ . '/../README.md'), $blocks);
    return $blocks[1];
}

return [
    'the examples run' => function (): void {
        putenv('REFRESHD_DIRECTORY=' . table());
        putenv('WORKOS_CLIENT_ID=client_php');
        putenv('WORKOS_API_KEY=sk_php');
        putenv('WORKOS_BASE_URL=' . emulator()->url);
        $token = emulator()->token();
        $otherToken = emulator()->token();
        eval(implode(examples()));
        expect(isset($signOut), false, 'the first example fails' . (isset($error) ? ': ' . $error->getMessage() : ''));
        expect(count($session), 3, 'the session');
        expect($session['refresh'] !== $token, true, 'the refresh token is another');
        expect($switched->data()['organization_id'], 'org_123', 'the organization');
        expect([emulator()->calls($token), emulator()->calls($otherToken)], [1, 1], 'calls');
    },

    'every setting of php.ini that is named exists' => function (): void {
        preg_match('/^```ini\n(.*?)^```$/ms', file_get_contents(__DIR__ . '/../README.md'), $block);
        $settings = parse_ini_string($block[1]);
        expect(count($settings), 4, 'the settings');
        foreach ($settings as $name => $value) {
            expect(ini_get($name) !== false, true, "$name is known");
            if (str_starts_with($value, '/')) {
                expect(is_file(__DIR__ . '/../' . basename($value)), true, basename($value) . ' is there');
            }
        }
    },
];
