<?php

declare(strict_types=1);

namespace RefreshClient\Internal;

use FFI;
use FFI\CData;
use RefreshClient\InvalidArgumentException;

/**
 * Copies of PHP strings for C to read. They stay good until wipe(), which overwrites them: among them are tokens.
 *
 * @internal
 */
final class Memory
{
    /** @var list<CData> */
    private array $blocks = [];

    public function __construct(private readonly FFI $functions)
    {
    }

    /**
     * A text that ends with NUL, or nothing for null.
     *
     * @throws InvalidArgumentException if the text holds a NUL: C would read another, shorter one.
     */
    public function text(#[\SensitiveParameter] ?string $text, string $name): ?CData
    {
        if ($text === null) {
            return null;
        }
        if (str_contains($text, "\0")) {
            throw new InvalidArgumentException("$name must not hold a NUL byte");
        }
        return $this->functions->cast('char *', FFI::addr($this->copy($text . "\0")));
    }

    /** The bytes themselves. */
    public function bytes(#[\SensitiveParameter] string $bytes): CData
    {
        // One byte more, as C knows no block of no bytes.
        return $this->functions->cast('uint8_t *', FFI::addr($this->copy($bytes . "\0")));
    }

    public function wipe(): void
    {
        foreach ($this->blocks as $block) {
            FFI::memset($block, 0, FFI::sizeof($block));
        }
        $this->blocks = [];
    }

    private function copy(#[\SensitiveParameter] string $bytes): CData
    {
        $block = $this->functions->new('char[' . strlen($bytes) . ']');
        FFI::memcpy($block, $bytes, strlen($bytes));
        $this->blocks[] = $block;
        return $block;
    }
}
