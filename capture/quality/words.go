package quality

// Names of the measures.
const (
	SingleFace    = "single_face_present"
	Yaw           = "head_pose_yaw"
	Pitch         = "head_pose_pitch"
	Roll          = "head_pose_roll"
	EyesApart     = "inter_eye_distance"
	HeadSize      = "head_size"
	LeftMargin    = "leftward_crop"
	RightMargin   = "rightward_crop"
	AboveMargin   = "margin_above"
	BelowMargin   = "margin_below"
	LuminanceMean = "luminance_mean"
	UnderExposure = "under_exposure_prevention"
	OverExposure  = "over_exposure_prevention"
	DynamicRange  = "dynamic_range"
	Illumination  = "illumination_uniformity"
	Sharpness     = "sharpness"
	Compression   = "compression_artifacts"
	Background    = "background_uniformity"
	EyesVisible   = "eyes_visible"
	MouthCovered  = "mouth_occlusion_prevention"
	FaceCovered   = "face_occlusion_prevention"
	EyesOpen      = "eyes_open"
	MouthClosed   = "mouth_closed"
)

// Words say what a measure is and, when it is low, what to do about it.
type Words struct {
	Name     string  `json:"name"`
	LabelVI  string  `json:"label_vi"`
	LabelEN  string  `json:"label_en"`
	ReasonVI string  `json:"reason_vi"` // what is wrong and what the officer does
	ReasonEN string  `json:"reason_en"`
	Guidance string  `json:"guidance"` // short code for the screen; "" where only a report says it
	Weight   float64 `json:"-"`        // in the unified value
}

// words in the order in which faults are told: the coarsest first.
var words = []Words{
	{SingleFace, "Chỉ một khuôn mặt", "One face only", "Có người khác trong khung hình: mời người đó ra khỏi khung.", "Another person is in the picture: ask them to step out of it.", "many_faces", 1},
	{EyesApart, "Khoảng cách hai mắt", "Distance between the eyes", "Khuôn mặt quá nhỏ: mời người dân lại gần máy ảnh hơn.", "The face is too small: ask the person to come closer.", "closer", 1},
	{HeadSize, "Cỡ đầu trong khung", "Size of the head", "Đầu quá lớn hoặc quá nhỏ trong khung hình: chỉnh khoảng cách tới máy ảnh.", "The head is too large or too small in the frame: change the distance to the camera.", "farther", 0.5},
	{LeftMargin, "Lề trái", "Room at the left", "Đầu quá sát mép trái của hình: ngồi vào giữa khung.", "The head is too near the picture's left edge: sit in the middle.", "centre", 0.25},
	{RightMargin, "Lề phải", "Room at the right", "Đầu quá sát mép phải của hình: ngồi vào giữa khung.", "The head is too near the picture's right edge: sit in the middle.", "centre", 0.25},
	{AboveMargin, "Lề trên", "Room above", "Đỉnh đầu bị cắt hoặc quá sát mép trên: hạ thấp người hoặc nâng máy ảnh.", "The top of the head is cut off or too near the edge: sit lower or raise the camera.", "centre", 0.25},
	{BelowMargin, "Lề dưới", "Room below", "Cằm hoặc vai bị cắt ở mép dưới: ngồi cao hơn hoặc hạ máy ảnh.", "Chin or shoulders are cut off below: sit higher or lower the camera.", "centre", 0.25},
	{LuminanceMean, "Độ sáng khuôn mặt", "Brightness of the face", "Khuôn mặt quá tối hoặc quá sáng: bật đèn phía trước hoặc giảm ánh sáng chiếu vào mặt.", "The face is too dark or too bright: turn on the light in front of the person, or lower it.", "light", 1},
	{UnderExposure, "Không bị thiếu sáng", "No part too dark", "Một phần khuôn mặt chìm trong bóng tối: chiếu sáng từ phía trước.", "Part of the face is lost in the dark: light it from the front.", "light", 1},
	{OverExposure, "Không bị cháy sáng", "No part burnt out", "Một phần khuôn mặt bị cháy sáng: tránh đèn hoặc nắng chiếu thẳng.", "Part of the face is burnt out: avoid direct lamps or sun.", "light", 1},
	{DynamicRange, "Độ tương phản", "Contrast", "Hình quá nhạt, thiếu chi tiết: lau ống kính và kiểm tra ánh sáng.", "The picture is flat, without detail: clean the lens and check the light.", "light", 0.5},
	{Illumination, "Ánh sáng đều", "Even light", "Một bên mặt tối hơn bên kia: xoay người hoặc thêm đèn ở bên tối.", "One side of the face is darker: turn the person or add light on the dark side.", "light_side", 1},
	{Yaw, "Quay trái phải", "Head turned sideways", "Đầu quay sang một bên: nhìn thẳng vào máy ảnh.", "The head is turned to one side: look straight at the camera.", "look_straight", 2},
	{Pitch, "Ngẩng, cúi", "Head up or down", "Đầu ngẩng lên hoặc cúi xuống: để mắt ngang tầm máy ảnh.", "The head is raised or lowered: bring the eyes level with the camera.", "look_straight", 1},
	{Roll, "Nghiêng đầu", "Head tilted", "Đầu nghiêng sang vai: giữ đầu thẳng.", "The head is tilted to a shoulder: hold it upright.", "straighten", 0.5},
	{MouthCovered, "Miệng không bị che", "Mouth not covered", "Miệng hoặc cằm bị che: tháo khẩu trang, bỏ tay xuống.", "Mouth or chin is covered: take off the mask, lower the hand.", "uncover", 1},
	{FaceCovered, "Mặt không bị che", "Face not covered", "Một phần khuôn mặt bị che: vén tóc, khăn hoặc bỏ tay ra.", "Part of the face is covered: move hair, scarf or hand away.", "uncover", 1},
	{EyesVisible, "Nhìn rõ hai mắt", "Eyes visible", "Mắt bị kính tối hoặc ánh phản chiếu che: tháo kính hoặc nghiêng gọng kính.", "Dark or shining glasses hide the eyes: take them off or tilt them.", "glasses", 1},
	{EyesOpen, "Mở mắt", "Eyes open", "Mắt đang nhắm: mở to mắt, nhìn vào máy ảnh.", "The eyes are closed: open them and look at the camera.", "eyes_open", 1.5},
	{MouthClosed, "Ngậm miệng", "Mouth closed", "Miệng đang mở: ngậm miệng, vẻ mặt tự nhiên.", "The mouth is open: close it, with a neutral face.", "mouth_closed", 0.5},
	{Sharpness, "Độ nét", "Sharpness", "Hình bị nhòe: ngồi yên, lau ống kính hoặc chỉnh nét.", "The picture is blurred: hold still, clean the lens or focus it.", "hold", 1.5},
	{Compression, "Không bị vỡ ô do nén", "No marks of compression", "Hình bị nén quá mạnh: tăng chất lượng hình của máy ảnh.", "The picture is compressed too much: raise the camera's image quality.", "", 0.25},
	{Background, "Phông nền đều", "Plain background", "Phông nền có vật khác: dùng phông trơn, sáng màu.", "Something is in the background: use a plain, light one.", "", 0.25},
}

// All returns the words of every measure, the coarsest fault first.
func All() []Words { return append([]Words(nil), words...) }

func wordsOf(name string) Words {
	for _, w := range words {
		if w.Name == name {
			return w
		}
	}
	return Words{Name: name, LabelVI: name, LabelEN: name}
}
