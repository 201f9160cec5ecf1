package rewrite

// fixID numbers the fixes, in the order in which a report lists them.
type fixID int

const (
	fixLineEndings fixID = iota
	fixNULBytes
	fixLongLines
	fixLongHeaders
	fixReadReceipt
	fixReceivedDate
	fixHeaderRules
	fixHeaderLines
	fixEightBit
	fixEncodedWords
	fixReferences
	fixSubject
	fixAddresses
	fixFileNames
	fixAttachments
	fixNesting
	fixAppleDouble
	fixPartial
	fixBrokenEncoding
	fixOversize
	fixEnvelope
	fixCount
)

// fix is one repair: its name in configuration, log and counters, and when
// the options want it.
type fix struct {
	name  string
	uses  func(*Options) When
	parts bool // it looks at what lies below the message's own header
	lossy bool // something of the message may be gone, other than what the report lists as detached
}

// fixes is the table of all repairs. What a field's fix does to a header field
// stands in fieldFixes, in the order in which they are applied.
var fixes = [fixCount]fix{
	fixLineEndings: {name: "line-endings", uses: func(o *Options) When { return o.Uses.LineEndings }},
	fixNULBytes:    {name: "nul-bytes", uses: func(o *Options) When { return o.Uses.NULBytes }},
	fixLongLines: {name: "long-lines", uses: func(o *Options) When {
		return always(o.LineLimit > 0 && (o.LongLines == LongLinesRecode || o.LongLines == LongLinesWrap))
	}},
	fixLongHeaders: {name: "long-headers", uses: func(o *Options) When { return o.Uses.LongHeaders }},
	fixReadReceipt: {name: "read-receipt", uses: func(o *Options) When {
		return always(o.ReadReceipt == ReadReceiptAll || o.ReadReceipt == ReadReceiptSeen && o.Seen)
	}},
	fixReceivedDate: {name: "received-date", uses: func(o *Options) When { return o.Uses.ReceivedDate }},
	fixHeaderRules:  {name: "header-rules", uses: func(o *Options) When { return always(len(o.HeaderRules) > 0) }},
	// It is about the lines of headers, too, and has no switch of its own.
	fixHeaderLines: {name: "header-lines", parts: true, uses: func(o *Options) When {
		if o.Uses.LongHeaders == Off || o.Uses.LongHeaders == "" {
			return Off
		}
		return Refused
	}},
	fixEightBit:     {name: "eight-bit", parts: true, uses: func(o *Options) When { return o.Uses.EightBit }},
	fixEncodedWords: {name: "encoded-words", parts: true, uses: func(o *Options) When { return o.Uses.EncodedWords }},
	fixReferences:   {name: "references", lossy: true, uses: func(o *Options) When { return o.Uses.References }},
	fixSubject:      {name: "subject", uses: func(o *Options) When { return o.Uses.Subject }},
	fixAddresses:    {name: "addresses", uses: func(o *Options) When { return o.Uses.Addresses }},
	fixFileNames: {name: "filenames", parts: true, lossy: true,
		uses: func(o *Options) When { return o.Uses.FileNames }},
	fixAttachments: {name: "attachments", parts: true, lossy: true,
		uses: func(o *Options) When { return o.Uses.Attachments }},
	fixNesting:     {name: "nesting", parts: true, uses: func(o *Options) When { return o.Uses.Nesting }},
	fixAppleDouble: {name: "appledouble", parts: true, uses: func(o *Options) When { return o.Uses.AppleDouble }},
	fixPartial:     {name: "partial", parts: true, uses: func(o *Options) When { return o.Uses.Partial }},
	fixBrokenEncoding: {name: "broken-encoding", parts: true, lossy: true,
		uses: func(o *Options) When { return o.Uses.BrokenEncoding }},
	fixOversize: {name: "oversize", uses: func(o *Options) When {
		return always(o.Oversize == OversizeDetach && o.SizeLimit > 0)
	}},
	fixEnvelope: {name: "envelope", uses: func(o *Options) When { return always(o.Stage == StageEnvelope) }},
}

func always(yes bool) When {
	if yes {
		return Always
	}
	return Off
}

// FixNames are the names of all fixes, as logs and counters have them.
func FixNames() []string {
	names := make([]string, fixCount)
	for i := range fixes {
		names[i] = fixes[i].name
	}
	return names
}
