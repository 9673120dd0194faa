import Glibc

// Reads commands, one a line, from standard input and answers each with one line. See ``Session``.
var session = Session()
while let line = readCommand() {
    let words = line.split(separator: " ").map(String.init)
    guard let name = words.first else { continue }
    answer(session.perform(name, Array(words.dropFirst())))
}
