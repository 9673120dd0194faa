/// Something that keeps a storm from being run, in words.
package struct StormError: Error, CustomStringConvertible {
    /// What it is.
    package let description: String

    /// Says what it is.
    package init(_ description: String) {
        self.description = description
    }
}
