import Glibc

/// The target of this process, from `REFRESHD_FUZZ_TARGET`.
private let target: FuzzTarget = {
    let name = unsafe getenv("REFRESHD_FUZZ_TARGET").map { unsafe String(cString: $0) } ?? ""
    guard let target = FuzzTarget(rawValue: name) else {
        print("REFRESHD_FUZZ_TARGET names one of: \(FuzzTarget.allCases.map(\.rawValue).joined(separator: " "))")
        exit(64)
    }
    return target
}()

/// What libFuzzer calls for every input; nobody else does.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do throws(Finding) {
        try unsafe target.run([UInt8](UnsafeBufferPointer(start: bytes, count: count)))
    } catch {
        print("FINDING in \(target.rawValue): \(error)")
        fflush(nil)
        abort()
    }
    return 0
}
