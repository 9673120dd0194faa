/// A property that an input has broken.
public struct Finding: Error, CustomStringConvertible {
    /// Which.
    public let description: String
}

func check(_ holds: Bool, _ property: @autoclosure () -> String) throws(Finding) {
    if !holds { throw Finding(description: property()) }
}
