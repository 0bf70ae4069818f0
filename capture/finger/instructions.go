package finger

// Instructions and confirmation codes of the family (ZFM-20 manual, "module
// instruction system"; R503 manual 1.2.2 chapter V).
const (
	insGenImg      = 0x01 // look for a finger and take its image
	insUpImage     = 0x0a // send the image
	insSetSysPara  = 0x0e
	insReadSysPara = 0x0f
	insVfyPwd      = 0x13

	paraBaud       = 4 // value: speed / 9600
	paraPacketSize = 6 // value: 0 to 3 for 32 to 256 bytes

	codeOK        = 0x00
	codeNoFinger  = 0x02
	codeImageFail = 0x03
)

var confirmations = map[byte]string{
	0x01: "packet received with an error",
	0x02: "no finger",
	0x03: "image not taken",
	0x06: "image disorderly",
	0x07: "image too small",
	0x0e: "cannot receive packets",
	0x0f: "cannot send the image",
	0x13: "wrong password",
	0x15: "no valid image in the buffer",
	0x1a: "wrong register",
	0x1b: "wrong register content",
	0x1d: "line failed",
	0x21: "password must be verified",
}

func confirmation(code byte) string {
	if s, ok := confirmations[code]; ok {
		return s
	}
	return "unknown"
}
