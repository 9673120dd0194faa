import LeaseTable
import ProcessSupport
import Testing

@testable import RefreshClient

extension ClientTests {
    /// Who leads a flight, and who may join it.
    @Suite(.serialized) struct Flights {
        private let flights: FlightTable
        private let key: KeyMaterial
        private let setting: Setting

        init() throws {
            setting = try Setting()
            flights = FlightTable.current(for: .choose(named: setting.directory))
            key = try setting.key("rt", ScriptedUpstream { _, _ in invalidGrant })
        }

        // A                                  B
        // is the last to leave the flight
        //                                    looks for a flight to join, and finds this one
        // removes it
        //                                    looks again
        @Test func `who looks for a flight does not hold up who leaves it`() throws {
            let flight = flights.flightToJoin(key).flight
            var joiner: Background<Bool>?
            var remover: Background<Void>?
            let end = flight.stepDown(Handover()) { [flights, key] in
                let began = Watched(false)
                joiner = try? Background {
                    began.update { $0 = true }
                    return flights.flightToJoin(key).isNew
                }
                #expect(began.wait(limit: .seconds(5)) { $0 })
                // Long enough to get as far as it can.
                pause(for: .milliseconds(20))
                remover = try? Background { flights.remove(flight) }
                #expect(eventually { remover?.isDone == true })
            }
            guard case .nobody = end else {
                Issue.record("somebody is in the flight")
                return
            }
            try remover?.get()
            #expect(try joiner?.get() == true)
        }

        @Test func `a refresh without the table lasts as long as the longest that its leader has said`() {
            let flight = flights.flightToJoin(key).flight
            flight.lead(aloneUntil: soon(.seconds(60)))
            flight.lead(aloneUntil: .now())
            #expect(!flight.isAbandoned)
            #expect(flights.flightToJoin(key).flight === flight)
        }

        @Test func `who leads after one that was given up has time of its own`() throws {
            let flight = flights.flightToJoin(key).flight
            flight.lead(aloneUntil: .now())
            #expect(flight.isAbandoned)
            let follower = try Background { flight.follow(until: soon()) }
            #expect(eventually { flight.waiting == 1 })
            guard case .follower = flight.stepDown(Handover(), ifNobody: {}), case .leads = try follower.get() else {
                Issue.record("the follower leads")
                return
            }
            #expect(!flight.isAbandoned)
        }

        @Test func `whom nobody follows is succeeded by a new flight`() {
            let flight = flights.flightToJoin(key).flight
            flight.lead(aloneUntil: .now())
            let (next, isNew) = flights.flightToJoin(key)
            #expect(isNew && next !== flight)
            // What the old one does late is nothing to the new one.
            flights.remove(flight)
            #expect(flights.flight(of: key.recordKey) === next)
        }
    }
}
