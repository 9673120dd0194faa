<?php

declare(strict_types=1);

namespace RefreshClient\Internal;

use FFI;
use RefreshClient\SetupException;

/**
 * Finds librefreshclient.so and its declarations.
 *
 * @internal
 */
final class Library
{
    /** As FFI_SCOPE in refreshclient.h says. */
    private const SCOPE = 'REFRESHCLIENT';

    private static ?FFI $functions = null;

    /**
     * The library's functions: those that were preloaded, or, where PHP lets every script use FFI, loaded now.
     *
     * @throws SetupException if neither is possible; the message says what to put into php.ini.
     */
    public static function functions(): FFI
    {
        return self::$functions ??= self::preloaded() ?? self::load();
    }

    /**
     * Loads the library for all scripts to come. For opcache.preload.
     *
     * @throws SetupException if PHP cannot keep it, or there is no such library.
     */
    public static function preload(): void
    {
        if (self::preloaded() !== null) {
            return;
        }
        $path = self::path();
        $header = self::header();
        if ($path !== null) {
            $header = tempnam(sys_get_temp_dir(), 'refreshclient') ?: throw new SetupException(
                'no temporary file can be made in ' . sys_get_temp_dir()
            );
            file_put_contents($header, self::declarations($path));
        }
        try {
            FFI::load($header);
        } catch (FFI\Exception $error) {
            throw new SetupException(
                $error->getMessage() . ' (ffi.preload must name a refreshclient.h whose FFI_LIB is the library)',
                previous: $error
            );
        } finally {
            if ($path !== null) {
                unlink($header);
            }
        }
    }

    private static function preloaded(): ?FFI
    {
        try {
            return FFI::scope(self::SCOPE);
        } catch (FFI\Exception) {
            return null;
        }
    }

    private static function load(): FFI
    {
        try {
            $declarations = preg_replace('/^#.*$/m', '', self::declarations(null));
            return FFI::cdef($declarations, self::path() ?? self::soname());
        } catch (FFI\Exception $error) {
            throw new SetupException(
                $error->getMessage() . ' (preload.php of refreshclient belongs into opcache.preload of php.ini, and'
                    . ' librefreshclient.so where the dynamic linker finds it, or its path into REFRESHCLIENT_LIBRARY)',
                previous: $error
            );
        }
    }

    /** The library's path, where it is not left to the dynamic linker. */
    private static function path(): ?string
    {
        return (getenv('REFRESHCLIENT_LIBRARY') ?: null);
    }

    private static function header(): string
    {
        return dirname(__DIR__, 2) . '/refreshclient.h';
    }

    private static function declarations(?string $library): string
    {
        $declarations = file_get_contents(self::header()) ?: throw new SetupException(self::header() . ' is missing');
        if ($library === null) {
            return $declarations;
        }
        return preg_replace_callback(
            '/^#define FFI_LIB .*$/m',
            static fn(): string => '#define FFI_LIB "' . $library . '"',
            $declarations
        );
    }

    private static function soname(): string
    {
        preg_match('/^#define FFI_LIB "(.*)"$/m', self::declarations(null), $match);
        return $match[1];
    }
}
