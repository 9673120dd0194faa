import Foundation
import Glibc
import ProcessSupport
import TableTestSupport
import Testing

@testable import refreshd

@Suite(.timeLimit(.minutes(2))) struct ServiceNotifierTests {
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
    }

    @Test(arguments: ["path", "abstract"])
    func theManagerHearsOfReadinessAndOfTheStop(kind: String) throws {
        let address = kind == "path" ? directory.file("notify") : "@refreshd-test-\(UUID().uuidString)"
        let manager = try NotifySocket(address)
        let table = directory.file("table")
        let daemon = try Program("refreshd", ["--directory", table], environment: ["NOTIFY_SOCKET": address])
        #expect(manager.receive() == "READY=1")
        // Ready means that the table is there.
        #expect(access("\(table)/guard", F_OK) == 0)
        daemon.send(SIGTERM)
        #expect(manager.receive() == "STOPPING=1")
        let ending = daemon.finish()
        #expect(ending.status == 0)
        #expect(!ending.errors.contains("service manager"), "\(ending.errors)")
    }

    @Test func aManagerThatIsNotThereIsNoReasonToStop() throws {
        let daemon = try Program(
            "refreshd", ["--directory", directory.path],
            environment: ["NOTIFY_SOCKET": directory.file("nobody")])
        #expect(daemon.errorLine(containing: "cannot tell the service manager READY=1: sendto") != nil)
        daemon.send(SIGTERM)
        #expect(daemon.finish().status == 0)
    }

    @Test(arguments: [nil, ""]) func withoutAnAddressThereIsNobodyToTell(address: String?) {
        #expect(ServiceNotifier(address: address) == nil)
    }

    /// 108 bytes are all there is, and a path needs its zero.
    @Test(arguments: ["relative", "vsock:2:1234", "/" + String(repeating: "a", count: 107)])
    func whatIsNoAddressIsRefused(address: String) throws {
        let notifier = try #require(ServiceNotifier(address: address))
        #expect(throws: SystemCallError("NOTIFY_SOCKET", path: address, code: EINVAL)) {
            try notifier.notify(.ready)
        }
    }
}
