import Hummingbird
import NIOCore

/// Writes events to one client, one JSON object a line, for as long as it stays.
struct EventStream: Sendable {
    let state: EmulatorState
    let channel: any Channel
    /// Whether to wait for more after the last event.
    let follow: Bool

    /// Writes the events after `start`, and then, if following, those that come.
    func write(after start: UInt64, to writer: inout any ResponseBodyWriter) async throws {
        // Listening before the first look: an event between look and wait leaves a signal behind.
        let (id, signals, stop) = await state.listen()
        if follow {
            // Ends with the connection, as the stream does.
            Task {
                _ = await channel.waitWhileClientStays(nil)
                stop.finish()
            }
        }
        do {
            var position = try await drain(after: start, to: &writer)
            if follow {
                for await _ in signals { position = try await drain(after: position, to: &writer) }
            }
        } catch {
            await state.stopListening(id)
            throw error
        }
        await state.stopListening(id)
        try await writer.finish(nil)
    }

    private func drain(after start: UInt64, to writer: inout any ResponseBodyWriter) async throws -> UInt64 {
        var position = start
        while true {
            let batch = await state.events(after: position)
            var lines: [UInt8] = []
            if let missed = batch.missed {
                let gap: JSONValue = [
                    "event": "gap", "from": .integer(Int64(clamping: missed.lowerBound)),
                    "to": .integer(Int64(clamping: missed.upperBound)),
                ]
                lines += try JSONText.bytes(gap) + [UInt8(ascii: "\n")]
            }
            for event in batch.events { lines += try JSONText.bytes(event.json) + [UInt8(ascii: "\n")] }
            guard let last = batch.events.last else { return position }
            try await writer.write(ByteBuffer(bytes: lines))
            position = last.sequence
        }
    }
}
