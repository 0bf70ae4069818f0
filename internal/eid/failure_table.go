package eid

// The codes of requirements §5 keep the ministry's wording; the device, queue
// and sync codes are ours.
const (
	CodeInternal         Code = "E-INTERNAL"
	CodeInput            Code = "E-INPUT"
	CodeState            Code = "E-STATE"
	CodeAgeUnder6        Code = "E-AGE-UNDER6"
	CodeGuardian         Code = "E-GUARDIAN-REQUIRED"
	CodeWrongDesk        Code = "E-WRONG-DESK"
	CodeNoResidenceCard  Code = "E-NO-RESIDENCE-CARD"
	CodePassportExpired  Code = "E-PASSPORT-EXPIRED"
	CodeCardExpired      Code = "W-CARD-EXPIRED"
	CodePINFormat        Code = "E-PIN-FORMAT"
	CodePINStruct        Code = "W-PIN-STRUCT"
	CodeMRZCheck         Code = "E-MRZ-CHECK"
	CodeDocumentKind     Code = "E-DOCUMENT-KIND"
	CodeChipAccess       Code = "E-CHIP-ACCESS"
	CodeChipBlocked      Code = "E-CHIP-BLOCKED"
	CodeChipRead         Code = "E-CHIP-READ"
	CodeChipRemoved      Code = "E-CHIP-REMOVED"
	CodeChipMismatch     Code = "E-CHIP-MISMATCH"
	CodeChipPAFailed     Code = "E-CHIP-PA-FAILED"
	CodeChipUnverified   Code = "W-CHIP-UNVERIFIED"
	CodeTrust            Code = "E-TRUST"
	CodeNoReader         Code = "E-NO-READER"
	CodeNoCard           Code = "E-NO-CARD"
	CodeNoCamera         Code = "E-NO-CAMERA"
	CodeCameraStalled    Code = "E-CAMERA-STALLED"
	CodeNoFace           Code = "E-NO-FACE"
	CodeManyFaces        Code = "E-MANY-FACES"
	CodeQualityFace      Code = "W-QUALITY-FACE"
	CodeFaceMismatch     Code = "E-NO-MATCH-LOCAL"
	CodeFaceReviewed     Code = "W-FACE-REVIEWED"
	CodeFaceTwice        Code = "W-FACE-TWICE"
	CodeFaceOfficer      Code = "W-FACE-OFFICER"
	CodeModels           Code = "E-MODELS"
	CodeModelsPilot      Code = "W-MODELS-PILOT"
	CodeModelsBasic      Code = "W-MODELS-BASIC"
	CodeModelsUnfit      Code = "W-MODELS-UNFIT"
	CodeFaceEngine       Code = "E-FACE-ENGINE"
	CodeCalibration      Code = "E-CALIBRATION"
	CodeNoScanner        Code = "E-NO-SCANNER"
	CodeScanner          Code = "E-SCANNER"
	CodeNoFinger         Code = "E-NO-FINGER"
	CodeQualityFinger    Code = "W-QUALITY-FINGER"
	CodeFingerMismatch   Code = "E-FINGER-MISMATCH"
	CodeFingerTwice      Code = "E-FINGER-TWICE"
	CodeDeviceRestarted  Code = "E-DEVICE-RESTARTED"
	CodeDeviceBusy       Code = "E-DEVICE-BUSY"
	CodeSupervisor       Code = "E-SUPERVISOR"
	CodeSupervisorKey    Code = "E-SUPERVISOR-KEY"
	CodeExceptionRefused Code = "E-EXCEPTION-REFUSED"
	CodeExceptionRate    Code = "W-EXCEPTION-RATE"
	CodePhoneFormat      Code = "E-PHONE-FORMAT"
	CodeContactMissing   Code = "E-CONTACT-MISSING"
	CodePhoneOwnership   Code = "W-PHONE-OWNERSHIP"
	CodeOneContact       Code = "W-CONTACT-ONE"
	CodeBirthDate        Code = "E-DOB-MISMATCH"
	CodeConsentMissing   Code = "E-CONSENT-MISSING"
	CodeQueue            Code = "E-QUEUE"
	CodeQueueStopped     Code = "E-QUEUE-STOPPED"
	CodeQueueDamaged     Code = "E-QUEUE-DAMAGED"
	CodeQueueRollback    Code = "E-QUEUE-ROLLBACK"
	CodeQueueLog         Code = "E-QUEUE-LOG"
	CodeQueueAge         Code = "N-QUEUE-AGE"
	CodeDueSoon          Code = "N-DUE-SOON"
	CodeDuePassed        Code = "E-DUE-PASSED"
	CodeDiskFull         Code = "E-DISK-FULL"
	CodeSeal             Code = "E-SEAL"
	CodeJournalLost      Code = "N-VISIT-ABANDONED"
	CodeOffline          Code = "N-OFFLINE-PENDING"
	CodeSyncRefused      Code = "E-SYNC-REFUSED"
	CodeReceipt          Code = "E-RECEIPT"
	CodeRejected         Code = "N-REJECTED"
	CodeSealKeys         Code = "E-SEAL-KEYS"
	CodeSealKeysEnding   Code = "W-SEAL-KEYS"
	CodePublished        Code = "E-PUBLISHED"
	CodePublishedOlder   Code = "E-PUBLISHED-OLDER"
	CodeBundleAltered    Code = "E-BUNDLE-ALTERED"
	CodeBundleUnfinished Code = "E-BUNDLE-UNFINISHED"
	CodeBundleForeign    Code = "E-BUNDLE-FOREIGN"
	CodeBundleReplayed   Code = "N-BUNDLE-REPLAYED"
	CodePINNeeded        Code = "E-PIN-NEEDED"
	CodePINWrong         Code = "E-PIN-WRONG"
	CodePINLow           Code = "E-PIN-LOW"
	CodePINFinal         Code = "E-PIN-FINAL"
	CodePINLocked        Code = "E-PIN-LOCKED"
	CodeTokenAbsent      Code = "E-TOKEN-ABSENT"
	CodeTokenKey         Code = "E-TOKEN-KEY"
	CodeToken            Code = "E-TOKEN"
	CodeTPMAbsent        Code = "E-TPM-ABSENT"
	CodeTPMLockout       Code = "E-TPM-LOCKOUT"
	CodeTPMCleared       Code = "E-TPM-CLEARED"
	CodeTPM              Code = "E-TPM"
	CodeDeviceKey        Code = "E-DEVICE-KEY"
	CodeCertExpires      Code = "W-CERT-EXPIRES"
	CodeCertExpired      Code = "E-CERT-EXPIRED"
)

var failures = []Failure{
	{CodeInternal, "Lỗi nội bộ của phần mềm.", "Internal error of the software.", "Thử lại; nếu lặp lại, báo bộ phận kỹ thuật kèm mã lỗi.", "Try again; if it repeats, report the code to the technical staff."},
	{CodeInput, "Dữ liệu nhập không hợp lệ.", "The input is not valid.", "Kiểm tra lại các ô được đánh dấu.", "Check the marked fields."},
	{CodeState, "Bước này chưa thực hiện được lúc này.", "This step is not possible now.", "Làm theo thứ tự các bước trên màn hình.", "Follow the order of the steps on the screen."},
	{CodeAgeUnder6, "Người dưới 06 tuổi chỉ được cấp tài khoản mức độ 01, do người đại diện đăng ký trên VNeID.", "Persons under 6 get a level 1 account only, registered by their representative in VNeID.", "Hướng dẫn người đại diện đăng ký trên VNeID.", "Point the representative to VNeID."},
	{CodeGuardian, "Người từ đủ 06 đến dưới 14 tuổi phải có người đại diện hoặc người giám hộ cùng đến.", "Persons from 6 to under 14 must come with a representative or guardian.", "Nhập thông tin người đại diện hoặc người giám hộ.", "Enter the representative or guardian."},
	{CodeWrongDesk, "Người nước ngoài làm thủ tục tại cơ quan quản lý xuất nhập cảnh.", "Foreigners are served by the immigration authority.", "Hướng dẫn đến cơ quan quản lý xuất nhập cảnh.", "Point the person to the immigration authority."},
	{CodeNoResidenceCard, "Chưa có thẻ thường trú/thẻ tạm trú còn hạn: chưa đủ điều kiện.", "No valid permanent or temporary residence card: not eligible.", "Nhập thẻ thường trú/tạm trú còn hạn.", "Enter a residence card that is still valid."},
	{CodePassportExpired, "Hộ chiếu/giấy tờ đi lại quốc tế đã hết hạn.", "The passport or travel document has expired.", "Yêu cầu giấy tờ còn hạn.", "Ask for a valid document."},
	{CodeCardExpired, "Thẻ đã hết hạn: làm cùng thủ tục cấp thẻ, thời hạn 07 ngày làm việc.", "The card has expired: done with the card procedure, 7 working days.", "Tiếp tục; thông báo thời hạn cho công dân.", "Go on; tell the citizen the time limit."},
	{CodePINFormat, "Số định danh phải đủ 12 chữ số.", "The personal number must have 12 digits.", "Nhập lại số định danh.", "Enter the number again."},
	{CodePINStruct, "Số định danh không khớp giới tính/năm sinh. Kiểm tra lại; vẫn có thể tiếp tục.", "The number does not fit sex or year of birth. Check; you may go on.", "Kiểm tra lại giấy tờ.", "Check the document."},
	{CodeMRZCheck, "Dòng mã đọc sai số kiểm tra. Quét lại hoặc nhập tay.", "A check digit of the machine readable zone is wrong. Scan again or type it.", "Quét lại hoặc nhập tay.", "Scan again or type it."},
	{CodeDocumentKind, "Loại giấy tờ không dùng được cho thủ tục này.", "This kind of document does not serve this procedure.", "Chọn đúng thủ tục hoặc giấy tờ.", "Choose the right procedure or document."},
	{CodeChipAccess, "Không mở được chip: kiểm tra số thẻ, ngày sinh, ngày hết hạn.", "The chip cannot be opened: check number, birth date and expiry.", "Kiểm tra và nhập lại dữ liệu mở chip.", "Check and enter the access data again."},
	{CodeChipBlocked, "Chip đã khóa sau nhiều lần nhập sai.", "The chip has blocked the access data after too many wrong tries.", "Không thử lại; chuyển người dân đến bộ phận cấp thẻ.", "Do not try again; send the person to the issuing office."},
	{CodeChipRead, "Không đọc được dữ liệu trong chip.", "The chip's data cannot be read.", "Đặt lại thẻ và đọc lại.", "Place the card again and read again."},
	{CodeChipRemoved, "Thẻ bị nhấc ra khi đang đọc.", "The card was removed while it was being read.", "Đặt thẻ yên trên đầu đọc và đọc lại.", "Leave the card on the reader and read again."},
	{CodeChipMismatch, "Dữ liệu trong chip không khớp dữ liệu đã nhập.", "The chip's data do not fit the data entered.", "Dừng, kiểm tra thẻ có đúng của người này không.", "Stop and check that the card belongs to this person."},
	{CodeChipPAFailed, "Dữ liệu trong chip không xác thực được: dừng, báo chỉ huy.", "The chip's data are not authentic: stop and report to the commander.", "Giữ giấy tờ, báo chỉ huy.", "Keep the document and report."},
	{CodeChipUnverified, "Chưa có danh sách chứng thư gốc: chip chưa được kiểm chứng.", "No list of trusted certificates: the chip is not verified.", "Cập nhật danh sách chứng thư; trung tâm sẽ quyết định.", "Update the trust list; the centre decides."},
	{CodeTrust, "Danh sách chứng thư gốc của bàn này không dùng được.", "This desk's list of trusted certificates cannot be used.", "Báo bộ phận kỹ thuật: kiểm tra thư mục chứng thư trong cấu hình.", "Tell the technical staff: check the trust folder of the configuration."},
	{CodeNoReader, "Không tìm thấy đầu đọc thẻ.", "No card reader found.", "Kiểm tra cáp và dịch vụ pcscd.", "Check the cable and the pcscd service."},
	{CodeNoCard, "Chưa có thẻ trên đầu đọc.", "No card on the reader.", "Đặt thẻ lên đầu đọc.", "Place the card on the reader."},
	{CodeNoCamera, "Không mở được máy ảnh.", "The camera cannot be opened.", "Kiểm tra cáp máy ảnh; phần mềm sẽ tự thử lại.", "Check the cable; the software tries again by itself."},
	{CodeCameraStalled, "Máy ảnh không gửi hình.", "The camera sends no pictures.", "Rút và cắm lại máy ảnh.", "Unplug the camera and plug it in again."},
	{CodeNoFace, "Không thấy khuôn mặt.", "No face is seen.", "Mời người dân nhìn thẳng vào máy ảnh.", "Ask the person to look into the camera."},
	{CodeManyFaces, "Có nhiều hơn một khuôn mặt.", "More than one face is seen.", "Chỉ một người đứng trước máy ảnh.", "Only one person before the camera."},
	{CodeQualityFace, "Ảnh khuôn mặt chưa đạt.", "The portrait is not good enough.", "Chỉnh ánh sáng, tư thế và chụp lại.", "Mend light and pose and take it again."},
	{CodeFaceMismatch, "Khuôn mặt không khớp ảnh trong chip. Mời người phụ trách kiểm tra.", "The face does not match the chip's portrait. Call the supervisor.", "Mời người phụ trách kiểm tra.", "Call the supervisor."},
	{CodeFaceTwice, "Khuôn mặt này giống một người khác có hồ sơ đang chờ gửi tại bàn này.", "This face is like that of another person whose request waits to be sent at this desk.", "Kiểm tra giấy tờ của cả hai; vẫn có thể tiếp tục, cảnh báo được ký cùng hồ sơ.", "Check both persons' documents; you may go on: the warning is signed with the request."},
	{CodeFaceOfficer, "Khuôn mặt này giống cán bộ của bàn này.", "This face is like that of an officer of this desk.", "Cán bộ không tự làm thủ tục cho mình; mời người phụ trách.", "Officers do not enrol themselves: call the supervisor."},
	{CodeModels, "Thiếu hoặc sai tệp mô hình nhận dạng.", "The recognition models are missing or damaged.", "Chạy lại bước cài đặt mô hình.", "Install the models again."},
	{CodeFaceReviewed, "Máy không khẳng định được khuôn mặt; cán bộ đã đối chiếu bằng mắt và xác nhận.", "The machine could not confirm the face; the officer compared it by eye and attested it.", "Lý do được ký cùng hồ sơ; trung tâm quyết định.", "The reason is signed with the request; the centre decides."},
	{CodeModelsPilot, "Bàn này so khuôn mặt bằng mô hình chỉ dành cho thí điểm.", "This desk compares faces by a model for pilots only.", "Báo bộ phận kỹ thuật: hiệu chỉnh và cài bộ mô hình được duyệt.", "Tell the technical staff: calibrate and install an approved set of models."},
	{CodeModelsBasic, "Bàn này chưa cài bộ mô hình khuôn mặt được khuyến nghị.", "The recommended set of face models is not installed at this desk.", "Báo bộ phận kỹ thuật: enrold models install --set recommended.", "Tell the technical staff: enrold models install --set recommended."},
	{CodeModelsUnfit, "Bàn này chỉ có mô hình không phân biệt đủ khuôn mặt người Việt: cán bộ phải tự đối chiếu từng người.", "This desk has only a model that cannot tell the people of this country apart: the officer decides on every face.", "Báo bộ phận kỹ thuật: cài bộ mô hình được khuyến nghị.", "Tell the technical staff: install the recommended models."},
	{CodeFaceEngine, "Bộ so khuôn mặt bên ngoài không chạy hoặc trả lời sai.", "The external face engine does not run or answers wrongly.", "Thử lại sau vài giây; nếu lặp lại, báo bộ phận kỹ thuật.", "Try again in some seconds; if it repeats, call the technical staff."},
	{CodeCalibration, "Tệp hiệu chỉnh ngưỡng khuôn mặt không dùng được.", "The file of calibrated face thresholds cannot be used.", "Báo bộ phận kỹ thuật: chạy lại enrold calibrate face.", "Call the technical staff: run enrold calibrate face again."},
	{CodeNoScanner, "Không tìm thấy máy quét vân tay.", "No fingerprint scanner found.", "Kiểm tra cáp máy quét.", "Check the scanner's cable."},
	{CodeScanner, "Máy quét vân tay báo lỗi.", "The fingerprint scanner reports an error.", "Thử lại; nếu lặp lại, rút và cắm lại.", "Try again; if it repeats, unplug and plug in again."},
	{CodeNoFinger, "Không thấy ngón tay trên máy quét.", "No finger on the scanner.", "Mời đặt ngón tay lên máy quét.", "Ask the person to place the finger."},
	{CodeQualityFinger, "Vân tay chưa đạt.", "The fingerprint is not good enough.", "Lau tay, ấn đều và quét lại.", "Wipe the finger, press evenly and scan again."},
	{CodeFingerMismatch, "Hai lần quét không phải cùng một ngón tay.", "The two scans are not of the same finger.", "Kiểm tra đúng ngón tay được yêu cầu; mời người phụ trách.", "Check that the finger asked for is used; call the supervisor."},
	{CodeFingerTwice, "Ngón tay này đã được quét cho vị trí khác.", "This finger was already scanned for another position.", "Quét đúng ngón tay được yêu cầu.", "Scan the finger that is asked for."},
	{CodeDeviceRestarted, "Thiết bị gặp lỗi và đang khởi động lại.", "The device failed and is being restarted.", "Chờ vài giây rồi làm lại bước này.", "Wait some seconds and repeat the step."},
	{CodeDeviceBusy, "Thiết bị đang bận.", "The device is busy.", "Chờ thao tác trước kết thúc.", "Wait for the running operation."},
	{CodeSupervisor, "Ngoại lệ phải do một người phụ trách khác cán bộ tiếp nhận cho phép.", "An exception must be allowed by a supervisor who is not the officer.", "Mời người phụ trách có tên trong cấu hình của quầy.", "Call a supervisor who is named in the desk's configuration."},
	{CodeSupervisorKey, "Bàn này không có khóa chữ ký đã đăng ký của người phụ trách, hoặc đang dùng thiết bị của người khác.", "This desk has no registered key of the supervisor, or it is another person's token.", "Người phụ trách dùng đúng thiết bị chữ ký của mình; nếu chưa đăng ký, báo bộ phận kỹ thuật.", "The supervisor uses his own token; if it is not registered, call the technical staff."},
	{CodeExceptionRefused, "Người phụ trách không cho phép miễn lấy vân tay.", "The supervisor does not allow the exception.", "Lấy vân tay, hoặc kết thúc lượt này.", "Take the finger, or end the visit."},
	{CodeExceptionRate, "Số ca miễn lấy vân tay tại bàn này cao bất thường.", "Exceptions are unusually frequent at this desk.", "Người phụ trách kiểm tra lại từng ca miễn và báo chỉ huy.", "The supervisor looks into each exception and reports to the commander."},
	{CodePhoneFormat, "Số điện thoại không hợp lệ.", "The telephone number is not valid.", "Nhập số di động chính chủ 10 chữ số.", "Enter the person's own 10-digit mobile number."},
	{CodeContactMissing, "Thiếu số điện thoại hoặc thư điện tử.", "Telephone number or e-mail is missing.", "Nhập thông tin liên hệ.", "Enter the contact data."},
	{CodePhoneOwnership, "Cần số thuê bao chính chủ; nếu không, tài khoản có thể bị khóa sau này.", "The number must be the person's own; otherwise the account may be locked later.", "Hỏi lại người dân số này có phải chính chủ không.", "Ask the person whether the number is in their own name."},
	{CodeOneContact, "Chỉ có một cách liên hệ; nên có cả số di động chính chủ và thư điện tử.", "Only one contact is given; both an own mobile number and an e-mail address are advised.", "Hỏi thêm; vẫn có thể tiếp tục.", "Ask for the other; you may go on."},
	{CodeBirthDate, "Ngày sinh không hợp lý hoặc không khớp dữ liệu trong chip.", "The date of birth is not possible or does not fit the chip.", "Kiểm tra giấy tờ; báo người phụ trách.", "Check the document; call the supervisor."},
	{CodeConsentMissing, "Chưa có chữ ký/xác nhận đồng ý: không thể gửi yêu cầu.", "No consent: the request cannot be sent.", "Đọc nội dung cho người dân và ghi nhận sự đồng ý.", "Read the text to the person and record the consent."},
	{CodeQueue, "Không ghi được hồ sơ vào hàng đợi.", "The request cannot be written to the queue.", "Không cho người dân về; báo bộ phận kỹ thuật.", "Keep the person; call the technical staff."},
	{CodeQueueStopped, "Ổ đĩa báo lỗi khi ghi: hàng đợi đã dừng để không mất hồ sơ.", "The disk reported an error while writing: the queue has stopped, so that nothing is lost.", "Khởi động lại phần mềm; nếu lặp lại, thay ổ đĩa.", "Restart the software; if it repeats, replace the disk."},
	{CodeQueueDamaged, "Dữ liệu hàng đợi đã bị thay đổi hoặc hỏng.", "Data of the queue were changed or damaged.", "Không sửa; chạy `enrold queue verify` và báo bộ phận kỹ thuật.", "Mend nothing; run `enrold queue verify` and tell the technical staff."},
	{CodeQueueRollback, "Cơ sở dữ liệu của bàn này cũ hơn bộ đếm phần cứng: có thể đã bị khôi phục từ bản sao cũ.", "This desk's database is older than the hardware counter: an old copy may have been put back.", "Dừng, báo chỉ huy và bộ phận kỹ thuật.", "Stop; report to the commander and to the technical staff."},
	{CodeQueueLog, "Nhật ký của bàn này không khớp nhật ký mà trung tâm đã biết: dữ liệu có thể đã bị khôi phục, sao chép hoặc sửa đổi.", "This desk's audit log contradicts the one that the centre knows: its data may have been restored, copied or altered.", "Dừng, báo chỉ huy và bộ phận kỹ thuật.", "Stop; report to the commander and to the technical staff."},
	{CodeQueueAge, "Có hồ sơ chờ gửi quá 01 ngày làm việc.", "Requests have waited to be sent for more than 1 working day.", "Kiểm tra mạng; nếu không có mạng, xuất hàng đợi ra USB và chuyển đến trung tâm.", "Check the network; without one, export the queue to a USB stick and bring it to the centre."},
	{CodeDueSoon, "Có hồ sơ chưa có kết quả mà thời hạn theo luật sắp hết.", "Requests without a decision are close to their legal time limit.", "Gửi ngay; báo người phụ trách.", "Send them now; tell the supervisor."},
	{CodeDuePassed, "Có hồ sơ chưa có kết quả đã quá thời hạn theo luật.", "Requests without a decision are past their legal time limit.", "Báo chỉ huy; thông báo cho người dân.", "Report to the commander; tell the citizen."},
	{CodeDiskFull, "Ổ đĩa sắp đầy: không nhận hồ sơ mới.", "The disk is nearly full: no new visits.", "Giải phóng dung lượng hoặc đồng bộ hàng đợi.", "Free space or sync the queue."},
	{CodeSeal, "Không ký hoặc niêm phong được hồ sơ.", "The request cannot be signed or sealed.", "Báo bộ phận kỹ thuật.", "Call the technical staff."},
	{CodeJournalLost, "Lượt làm việc trước bị ngắt và đã được hủy; chưa có gì được gửi.", "The previous visit was cut off and is abandoned; nothing was sent.", "Bắt đầu lại từ đầu.", "Start again."},
	{CodeOffline, "Đã lưu, CHƯA xác thực với CSDL quốc gia. Sẽ gửi khi có mạng.", "Saved, NOT yet checked against the national database. It is sent when there is a network.", "Không cần làm gì; theo dõi hàng đợi.", "Nothing to do; watch the queue."},
	{CodeSyncRefused, "Trung tâm từ chối nhận hồ sơ.", "The centre refuses the request.", "Xem lý do trong hàng đợi; báo bộ phận kỹ thuật.", "See the reason in the queue; call the technical staff."},
	{CodeReceipt, "Biên nhận của trung tâm không hợp lệ; hồ sơ được giữ lại.", "The centre's receipt is not valid; the request is kept.", "Báo bộ phận kỹ thuật.", "Call the technical staff."},
	{CodeRejected, "Trung tâm không cấp tài khoản.", "The centre did not grant the account.", "Thông báo lý do cho người dân.", "Tell the person the reason."},
	{CodeSealKeys, "Danh sách khóa niêm phong của trung tâm chưa có hoặc đã hết hạn: không nhận hồ sơ mới.", "The centre's list of seal keys is missing or has expired: no new visits.", "Nối mạng để đồng bộ, hoặc nạp gói phản hồi từ USB.", "Connect to the network to sync, or load the centre's answer from a USB stick."},
	{CodeSealKeysEnding, "Danh sách khóa niêm phong của trung tâm sắp hết hạn.", "The centre's list of seal keys expires soon.", "Nối mạng để đồng bộ trong những ngày tới.", "Connect to the network within the next days."},
	{CodePublished, "Dữ liệu do trung tâm công bố không hợp lệ: giữ bản đang dùng.", "Data published by the centre are not valid: the present ones stay in use.", "Báo bộ phận kỹ thuật.", "Call the technical staff."},
	{CodePublishedOlder, "Trung tâm đưa ra dữ liệu cũ hơn bản đang dùng: không nhận.", "The centre offers older data than those in use: refused.", "Báo bộ phận kỹ thuật ngay.", "Call the technical staff at once."},
	{CodeBundleAltered, "Gói dữ liệu trên USB đã bị sửa hoặc hỏng.", "The bundle on the USB stick was altered or is damaged.", "Không dùng gói này; xuất lại sang USB khác.", "Do not use it; export again to another stick."},
	{CodeBundleUnfinished, "Gói dữ liệu trên USB chưa ghi xong.", "The bundle on the USB stick is unfinished.", "Xuất lại; chờ báo xong rồi mới rút USB.", "Export again and pull the stick only when told."},
	{CodeBundleForeign, "Gói dữ liệu trên USB không phải của bàn này hoặc của trung tâm này.", "The bundle on the USB stick is not of this desk or this centre.", "Kiểm tra đúng USB của bàn này.", "Check that the stick belongs to this desk."},
	{CodeBundleReplayed, "Gói dữ liệu này đã được nạp trước đây; không có gì mới.", "This bundle was taken before; nothing in it is new.", "Không cần làm gì.", "Nothing to do."},
	{CodePINNeeded, "Chưa mở khóa thiết bị chữ ký của cán bộ.", "The officer's signature token is not unlocked.", "Cắm thiết bị chữ ký và nhập mã PIN.", "Plug in the token and enter its PIN."},
	{CodePINWrong, "Mã PIN của thiết bị chữ ký không đúng.", "The token's PIN is wrong.", "Nhập lại mã PIN; nhập sai nhiều lần thiết bị sẽ bị khóa.", "Enter it again; too many wrong tries lock the token."},
	{CodePINLow, "Mã PIN không đúng; số lần thử còn lại ít.", "The PIN is wrong; few tries are left.", "Kiểm tra lại mã PIN trước khi nhập tiếp.", "Make sure of the PIN before the next try."},
	{CodePINFinal, "Mã PIN không đúng; chỉ còn một lần thử.", "The PIN is wrong; one try is left.", "Không thử nữa nếu chưa chắc chắn; hỏi bộ phận cấp thiết bị chữ ký.", "Do not try unless you are sure; ask who issued the token."},
	{CodePINLocked, "Thiết bị chữ ký đã bị khóa do nhập sai mã PIN.", "The token is locked after wrong PINs.", "Liên hệ bộ phận cấp thiết bị chữ ký để mở khóa.", "Have it unlocked by who issued the token."},
	{CodeTokenAbsent, "Không tìm thấy thiết bị chữ ký của cán bộ.", "The officer's signature token is not found.", "Cắm thiết bị chữ ký; kiểm tra trình điều khiển.", "Plug in the token; check its driver."},
	{CodeTokenKey, "Thiết bị chữ ký không có khóa của bàn này.", "The token does not hold the key of this desk.", "Dùng đúng thiết bị chữ ký của cán bộ.", "Use the officer's own token."},
	{CodeToken, "Thiết bị chữ ký báo lỗi.", "The signature token reports an error.", "Rút và cắm lại; nếu lặp lại, báo bộ phận kỹ thuật.", "Unplug it and plug it in again; if it repeats, call the technical staff."},
	{CodeTPMAbsent, "Không mở được chip bảo mật (TPM) của máy.", "The machine's security chip (TPM) cannot be opened.", "Báo bộ phận kỹ thuật: kiểm tra TPM trong BIOS và quyền truy cập.", "Call the technical staff: check the TPM in the firmware's setup and the access rights."},
	{CodeTPMLockout, "Chip bảo mật (TPM) đang tạm khóa.", "The security chip (TPM) is in lockout.", "Chờ hết thời gian khóa; báo bộ phận kỹ thuật.", "Wait until the lockout ends; call the technical staff."},
	{CodeTPMCleared, "Chip bảo mật (TPM) đã bị xóa hoặc thay: khóa của bàn này không còn dùng được.", "The security chip (TPM) was cleared or replaced: this desk's keys are gone.", "Ngừng nhận hồ sơ; báo bộ phận kỹ thuật để đăng ký lại bàn.", "Take no visits; have the desk enrolled again."},
	{CodeTPM, "Chip bảo mật (TPM) báo lỗi.", "The security chip (TPM) reports an error.", "Thử lại; nếu lặp lại, báo bộ phận kỹ thuật.", "Try again; if it repeats, call the technical staff."},
	{CodeDeviceKey, "Bàn này chưa có khóa thiết bị hoặc khóa không dùng được.", "This desk has no device key, or the key cannot be used.", "Báo bộ phận kỹ thuật: tạo khóa và đăng ký bàn.", "Call the technical staff: make the key and enrol the desk."},
	{CodeCertExpires, "Chứng thư của bàn này sắp hết hạn.", "This desk's certificate expires soon.", "Báo bộ phận kỹ thuật gia hạn.", "Have the technical staff renew it."},
	{CodeCertExpired, "Chứng thư của bàn này đã hết hạn: hồ sơ được giữ lại, chưa gửi được.", "This desk's certificate has expired: requests are kept and cannot be sent.", "Báo bộ phận kỹ thuật gia hạn ngay.", "Have the technical staff renew it at once."},
}
