/// The version of the library, semantic.
@safe enum LibraryVersion {
    private static let words: StaticString = "1.0.0"

    /// For C: it stays where it is.
    static var text: UnsafePointer<CChar> {
        unsafe UnsafeRawPointer(words.utf8Start).assumingMemoryBound(to: CChar.self)
    }
}
