/// What is wrong with a control request, in words for the person who wrote it.
struct ControlError: Error, Hashable {
    /// One sentence naming the field and what it should be.
    var message: String
}
