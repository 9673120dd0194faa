import CCurl
import Glibc
import ProcessSupport
import RefreshClient

/// What goes out and what comes in during one transfer, filled and emptied by libcurl's callbacks.
///
/// Used by the thread that performs the transfer alone. Both bodies are wiped when it goes.
final class Exchange {
    private let request: WipedBuffer
    private var handedOver = 0
    private let answer = WipedBuffer(capacity: ReceivedAnswer.longestBody)
    /// Status and headers so far; the body is in `answer`.
    private var heading = ReceivedAnswer()
    private let error = WipedBuffer(capacity: Int(CURL_ERROR_SIZE))

    init(request: WipedBuffer) {
        self.request = request
    }

    /// What libcurl says of its error, empty where there is none. It may quote the upstream.
    var errorText: String {
        unsafe String(cString: error.address(of: 0).assumingMemoryBound(to: CChar.self))
    }

    /// How many bytes there are to send.
    var requestLength: Int { request.count }

    /// What has come in so far, and whether all of the request was given to libcurl: from then on the upstream
    /// may have it, and before, it cannot have all of it.
    var received: ReceivedAnswer {
        var received = heading
        received.body = answer.copied()
        received.mayHaveBeenSent = handedOver == request.count
        return received
    }

    /// Copies out what of the request was not handed over yet. It is handed over once: nothing rewinds, so even
    /// a libcurl that decided to repeat the request could not.
    func handOver(to destination: UnsafeMutableRawPointer, room: Int) -> Int {
        let count = min(room, request.count - handedOver)
        unsafe destination.copyMemory(from: request.address(of: handedOver), byteCount: count)
        handedOver += count
        return count
    }

    /// Takes a piece of the answer's body; whether all of it could be kept.
    func receive(body: UnsafeRawBufferPointer) -> Bool {
        let fits = unsafe answer.append(body)
        if !fits { heading.isTooLong = true }
        return fits
    }

    /// Takes a status line or a header. A status line starts over, for a final answer may follow a 1xx.
    func receive(header line: UnsafeRawBufferPointer) {
        let text = unsafe String(decoding: line.prefix(ReceivedAnswer.longestHeaderValue + 64), as: UTF8.self)
        if text.hasPrefix("HTTP/") {
            heading = ReceivedAnswer()
            answer.removeAll()
            heading.status = text.split(separator: " ", maxSplits: 2).dropFirst().first
                .flatMap { Int($0.prefix { $0.isASCII && $0.isNumber }) }
                .flatMap { (200...999).contains($0) ? $0 : nil }
            return
        }
        guard let colon = text.firstIndex(of: ":") else { return }
        heading.keep(header: String(text[..<colon]), text[text.index(after: colon)...])
    }

    /// Has `handle` send this request and bring its answer here. The exchange must outlive the handle.
    func attach(to handle: inout CurlHandle) {
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe handle.setTransfer(CURLOPT_READFUNCTION) { bytes, size, count, context in
            Forks.heldOff {
                unsafe Exchange.at(context).handOver(to: UnsafeMutableRawPointer(bytes), room: size * count)
            }
        }
        unsafe handle.setPointer(CURLOPT_READDATA, context)
        unsafe handle.setTransfer(CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
            Forks.heldOff {
                let piece = unsafe UnsafeRawBufferPointer(start: bytes, count: size * count)
                return unsafe Exchange.at(context).receive(body: piece) ? size * count : 0
            }
        }
        unsafe handle.setPointer(CURLOPT_WRITEDATA, context)
        unsafe handle.setTransfer(CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
            Forks.heldOff {
                unsafe Exchange.at(context).receive(
                    header: UnsafeRawBufferPointer(start: bytes, count: size * count))
                return size * count
            }
        }
        unsafe handle.setPointer(CURLOPT_HEADERDATA, context)
        let text = unsafe error.address(of: 0)
        unsafe text.initializeMemory(as: CChar.self, repeating: 0, count: 1)
        unsafe handle.setPointer(CURLOPT_ERRORBUFFER, text)
    }

    private static func at(_ context: UnsafeMutableRawPointer) -> Exchange {
        unsafe Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
    }
}
