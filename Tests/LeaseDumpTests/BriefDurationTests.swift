import Testing

@testable import lease_dump

@Suite struct BriefDurationTests {
    @Test(arguments: [
        (Duration.zero, "0ms"), (.nanoseconds(999_999), "0ms"), (.milliseconds(999), "999ms"),
        (.milliseconds(1000), "1.0s"), (.milliseconds(59_999), "59.9s"), (.seconds(60), "1m00s"),
        (.milliseconds(3_599_999), "59m59s"), (.seconds(3600), "1h00m"), (.seconds(86_399), "23h59m"),
        (.seconds(86_400), "1d00h"), (.milliseconds(-1), "-1ms"), (.milliseconds(-3250), "-3.2s"),
        (.seconds(Int64.max / 2), "106751d23h"),
    ])
    func isShortAndCutOff(duration: Duration, text: String) {
        #expect(duration.brief == text)
    }
}
