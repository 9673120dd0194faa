import LeaseTable
import Testing

/// A configuration that cannot be is refused, by the name of the field that is to be changed.
@Suite struct RefreshConfigurationTests {
    struct Mistake: Sendable, CustomTestStringConvertible {
        let field: String
        let requirement: String
        let make: @Sendable (inout RefreshConfiguration) -> Void

        var testDescription: String { "\(field) \(requirement)" }
    }

    static let mistakes = [
        Mistake(field: "requestTimeout", requirement: "longer than nothing") { $0.requestTimeout = .zero },
        Mistake(field: "lease", requirement: "at most a day") { $0.lease = .seconds(86_401) },
        Mistake(field: "lease", requirement: "request timeout (10.0 seconds)") { $0.lease = .seconds(10) },
        Mistake(field: "leaseMargin", requirement: "longer than nothing") { $0.leaseMargin = .zero },
        Mistake(field: "resultRetention", requirement: "longer than nothing") { $0.resultRetention = .zero },
        Mistake(field: "failureSurvival", requirement: "longer than nothing") { $0.failureSurvival = .zero },
        Mistake(field: "terminalFailureRetention", requirement: "negative") {
            $0.terminalFailureRetention = .seconds(-1)
        },
        Mistake(field: "callerDeadline", requirement: "longer than nothing") { $0.callerDeadline = .zero },
        Mistake(field: "longestRetryPause", requirement: "shortest") { $0.longestRetryPause = .milliseconds(1) },
        Mistake(field: "longestPoll", requirement: "shortest") { $0.longestPoll = .zero },
        Mistake(field: "mapSize", requirement: "multiple of 4096") { $0.mapSize += 1 },
        Mistake(field: "publishReserve", requirement: "half") { $0.publishReserve = $0.mapSize },
        Mistake(field: "readerSlots", requirement: "8 to 65536") { $0.readerSlots = 7 },
        Mistake(field: "readersPerProcess", requirement: "reader slots (1024)") { $0.readersPerProcess = 1025 },
        Mistake(field: "sweepsPerWrite", requirement: "1 to 64") { $0.sweepsPerWrite = 0 },
    ]

    @Test(arguments: mistakes)
    func `what cannot be is named`(mistake: Mistake) throws {
        var configuration = RefreshConfiguration()
        mistake.make(&configuration)
        let error = try #require(throws: ConfigurationError.self) { try configuration.validate() }
        #expect(error.field == mistake.field)
        #expect(error.requirement.contains(mistake.requirement))
        #expect(error.description.contains("\(error.field) is \(error.value), and must"))
    }

    @Test func `the defaults are good`() throws {
        try RefreshConfiguration().validate()
    }
}
