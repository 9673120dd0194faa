import Glibc

/// A sanitizer that the running program was built with.
public enum Sanitizer: Sendable {
    /// ThreadSanitizer: follows no system call by system call, makes every opening of a process some ten times slower, and
    /// cannot be used in the child of a process that forked with several threads.
    case thread
    /// AddressSanitizer: changes the figures of memory and the layout of the address space.
    case address

    /// Which, if any: asked of the program itself, whatever the build was told.
    public static let running: Sanitizer? =
        if has("__tsan_init") { .thread } else if has("__asan_init") { .address } else { nil }

    private static func has(_ symbol: String) -> Bool { dlsym(nil, symbol) != nil }
}
