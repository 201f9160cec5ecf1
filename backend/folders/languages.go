package folders

import "strings"

// named lists Exchange's own folders of one language: in the order of columns,
// several names of one divided by "|", "" where the name is not known.
type named struct {
	drafts, sent, trash, junk, archive, outbox string
	calendar, contacts, tasks, journal, notes  string
	sync, conversation                         string
}

// The names that Outlook and Exchange give at the first opening of a mailbox
// (Set-MailboxRegionalConfiguration -LocalizeDefaultFolderName). IMAP does not
// tell the class of a folder (docs/exchange.md#folders-without-mail), so the
// name is all there is. A language counts only if several of its folders are there.
//
// English, German, French and Spanish names, and those of sent, deleted and junk
// mail in most languages, are in documentation and in other programs' tables; the
// rest, above all of synchronization and conversations and what follows a "|",
// is from memory and unverified. A folder of mail that is called so by chance
// would be hidden: words of everyday use are left out where Outlook's is another.
var languages = compile([]named{
	{ // English
		"Drafts", "Sent Items", "Deleted Items", "Junk Email|Junk E-mail|Junk E-Mail", "Archive", "Outbox",
		"Calendar", "Contacts", "Tasks", "Journal", "Notes", "Sync Issues", "Conversation History",
	},
	{ // German
		"Entwürfe", "Gesendete Elemente|Gesendete Objekte", "Gelöschte Elemente|Gelöschte Objekte", "Junk-E-Mail",
		"Archiv", "Postausgang",
		"Kalender", "Kontakte", "Aufgaben", "Journal", "Notizen", "Synchronisierungsprobleme",
		"Aufgezeichnete Unterhaltungen|Unterhaltungsverlauf",
	},
	{ // French
		"Brouillons", "Éléments envoyés|Messages envoyés", "Éléments supprimés", "Courrier indésirable",
		"Archive|Archives", "Boîte d'envoi",
		"Calendrier", "Contacts", "Tâches", "Journal", "Notes", "Problèmes de synchronisation",
		"Historique des conversations|Historique de conversation",
	},
	{ // Spanish
		"Borradores|Borrador", "Elementos enviados", "Elementos eliminados",
		"Correo no deseado|Correo electrónico no deseado", "Archivo|Archivar", "Bandeja de salida",
		"Calendario", "Contactos", "Tareas", "Diario", "Notas", "Problemas de sincronización",
		"Historial de conversaciones|Historial de conversación",
	},
	{ // Italian
		"Bozze", "Posta inviata", "Posta eliminata", "Posta indesiderata", "Archivio", "Posta in uscita",
		"Calendario", "Contatti", "Attività", "Diario", "Note", "Problemi di sincronizzazione",
		"Cronologia conversazioni|Cronologia delle conversazioni",
	},
	{ // Dutch
		"Concepten", "Verzonden items", "Verwijderde items", "Ongewenste e-mail", "Archief", "Postvak UIT",
		"Agenda", "Contactpersonen|Contacten", "Taken", "Logboek", "Notities", "Synchronisatieproblemen",
		"Gespreksgeschiedenis",
	},
	{ // Portuguese (Brazil)
		"Rascunhos", "Itens Enviados|Mensagens enviadas", "Itens Excluídos", "Lixo Eletrônico|Lixo de E-mail",
		"Arquivo Morto|Arquivo", "Caixa de Saída",
		"Calendário", "Contatos", "Tarefas", "Diário", "Anotações", "Problemas de Sincronização",
		"Histórico de Conversa|Histórico de Conversas|Histórico da Conversa",
	},
	{ // Portuguese (Portugal)
		"Rascunhos", "Itens Enviados|Itens enviados", "Itens Eliminados|Itens eliminados",
		"E-mail de Lixo|Correio Eletrónico Não Solicitado|Correio Electrónico Não Solicitado", "Arquivo",
		"A Enviar|Caixa de Saída",
		"Calendário", "Contactos", "Tarefas", "Diário", "Notas", "Problemas de Sincronização",
		"Histórico de Conversações|Histórico de Conversação",
	},
	{ // Polish
		"Wersje robocze|Kopie robocze", "Elementy wysłane", "Elementy usunięte", "Wiadomości-śmieci", "Archiwum",
		"Skrzynka nadawcza",
		"Kalendarz", "Kontakty", "Zadania", "Dziennik", "Notatki", "Problemy z synchronizacją|Problemy synchronizacji",
		"Historia konwersacji",
	},
	{ // Russian
		"Черновики", "Отправленные", "Удаленные|Удалённые",
		"Нежелательная почта", "Архив", "Исходящие",
		"Календарь", "Контакты", "Задачи", "Дневник", "Заметки",
		"Ошибки синхронизации|Проблемы синхронизации",
		"Журнал бесед|История бесед|Журнал разговоров",
	},
	{ // Swedish
		"Utkast", "Skickat|Skickade objekt", "Borttaget|Borttagna objekt", "Skräppost", "Arkiv", "Utkorgen|Utkorg",
		"Kalender", "Kontakter", "Uppgifter", "Journal", "Anteckningar", "Synkroniseringsproblem|Synkroniseringsfel",
		"Konversationshistorik",
	},
	{ // Danish
		"Kladder", "Sendt post|Sendt mail|Sendte elementer", "Slettet post|Slettet mail|Slettede elementer",
		"Uønsket mail|Uønsket e-mail|Uønsket post", "Arkiv|Arkivér", "Udbakke",
		"Kalender", "Kontaktpersoner|Kontakter", "Opgaver", "Journal", "Noter",
		"Synkroniseringsproblemer|Synkroniseringsfejl", "Samtalehistorik|Samtaleoversigt",
	},
	{ // Norwegian
		"Kladd|Utkast", "Sendte elementer|Sendt e-post", "Slettede elementer", "Søppelpost|Søppel-e-post",
		"Arkiv|Arkiver", "Utboks",
		"Kalender", "Kontakter", "Oppgaver", "Logg|Journal", "Notater", "Synkroniseringsfeil|Synkroniseringsproblemer",
		"Samtalelogg|Samtalehistorikk",
	},
	{ // Finnish
		"Luonnokset", "Lähetetyt|Lähetetyt kohteet|Lähetetyt viestit", "Poistetut|Poistetut kohteet",
		"Roskaposti|Roskasähköposti", "Arkisto|Arkistoi", "Lähtevät|Lähtevät viestit",
		"Kalenteri", "Yhteystiedot", "Tehtävät", "Päiväkirja|Kirjauskansio", "Muistilaput|Muistiinpanot",
		"Synkronointiongelmat|Synkronointivirheet", "Keskusteluhistoria",
	},
	{ // Czech
		"Koncepty|Rozepsané", "Odeslaná pošta", "Odstraněná pošta", "Nevyžádaná pošta", "Archiv",
		"Pošta k odeslání",
		"Kalendář", "Kontakty", "Úkoly", "Deník", "Poznámky",
		"Problémy se synchronizací|Potíže se synchronizací", "Historie konverzací|Historie konverzace",
	},
	{ // Hungarian
		"Piszkozatok", "Elküldött elemek", "Törölt elemek", "Levélszemét", "Archívum", "Postázandó üzenetek",
		"Naptár", "Névjegyek|Névjegyalbum", "Feladatok", "Napló", "Feljegyzések",
		"Szinkronizálási problémák|Szinkronizálási hibák",
		"Beszélgetések előzményei|Beszélgetési előzmények",
	},
	{ // Turkish
		"Taslaklar", "Gönderilmiş Öğeler|Gönderilen Öğeler", "Silinmiş Öğeler",
		"Önemsiz E-posta|Gereksiz E-posta|Önemsiz Posta", "Arşiv|Arşivle", "Giden Kutusu",
		"Takvim", "Kişiler", "Görevler", "Günlük", "Notlar", "Eşitleme Sorunları|Eşitleme Hataları",
		"Konuşma Geçmişi|Sohbet Geçmişi",
	},
	{ // Japanese
		"下書き", "送信済みアイテム", "削除済みアイテム", "迷惑メール", "アーカイブ",
		"送信トレイ",
		"予定表", "連絡先", "仕事|タスク", "履歴", "メモ", "同期の失敗|同期の問題",
		"会話の履歴|スレッドの履歴",
	},
	{ // Chinese, simplified
		"草稿|草稿箱", "已发送邮件|已发送的邮件", "已删除邮件|已删除的邮件",
		"垃圾邮件|垃圾电子邮件", "存档|归档", "发件箱",
		"日历", "联系人", "任务", "日记", "便笺|便签", "同步问题", "对话历史记录|对话历史",
	},
	{ // Chinese, traditional
		"草稿", "寄件備份|已傳送的郵件", "刪除的郵件|已刪除的郵件",
		"垃圾郵件|垃圾電子郵件", "封存|保存", "寄件匣",
		"行事曆", "連絡人|聯絡人", "工作", "日誌", "記事", "同步處理問題|同步處理失敗",
		"交談記錄|對話記錄",
	},
	{ // Korean
		"임시 보관함", "보낸 편지함", "지운 편지함", "정크 메일|정크 전자 메일",
		"보관|보관함", "보낼 편지함",
		"일정|달력", "연락처", "작업|할 일", "업무 일지", "메모", "동기화 문제",
		"대화 내용|대화 기록",
	},
	{ // Romanian
		"Ciorne|Schițe", "Elemente trimise", "Elemente șterse", "E-mail nedorit|Poștă nedorită", "Arhivă", "Ieșire",
		"Calendar", "Persoane de contact|Contacte", "Activități|Sarcini", "Jurnal", "Note", "Probleme de sincronizare",
		"Istoric conversații|Istoricul conversațiilor",
	},
	{ // Greek
		"Πρόχειρα", "Απεσταλμένα|Απεσταλμένα στοιχεία", "Διαγραμμένα|Διαγραμμένα στοιχεία",
		"Ανεπιθύμητη αλληλογραφία|Ανεπιθύμητα", "Αρχειοθήκη|Αρχειοθέτηση", "Εξερχόμενα",
		"Ημερολόγιο", "Επαφές", "Εργασίες", "", "Σημειώσεις", "Ζητήματα συγχρονισμού|Θέματα συγχρονισμού",
		"Ιστορικό συνομιλιών|Ιστορικό συνομιλίας",
	},
	{ // Ukrainian
		"Чернетки", "Надіслані", "Видалені", "Небажана пошта", "Архів", "Вихідні",
		"Календар", "Контакти", "Завдання", "Щоденник", "Нотатки", "Проблеми синхронізації|Помилки синхронізації",
		"Журнал розмов|Історія розмов",
	},
	{ // Bulgarian
		"Чернови", "Изпратени|Изпратени елементи", "Изтрити|Изтрити елементи", "Нежелана поща", "Архив", "Изходящи",
		"Календар", "Контакти", "Задачи", "Дневник", "Бележки", "Проблеми със синхронизирането",
		"Хронология на разговорите",
	},
	{ // Slovak
		"Koncepty", "Odoslaná pošta", "Odstránená pošta", "Nevyžiadaná pošta|Nevyžiadaná e-mailová pošta", "Archív",
		"Pošta na odoslanie",
		"Kalendár", "Kontakty", "Úlohy", "Denník", "Poznámky", "Problémy so synchronizáciou", "História konverzácií",
	},
	{ // Slovenian
		"Osnutki", "Poslano|Poslani elementi", "Izbrisano|Izbrisani elementi", "Neželena e-pošta", "Arhiv", "",
		"Koledar", "Stiki", "Opravila", "Dnevnik", "Opombe", "Težave s sinhronizacijo", "Zgodovina pogovorov",
	},
	{ // Croatian
		"Skice", "Poslano|Poslane stavke", "Izbrisano|Izbrisane stavke", "Bezvrijedna e-pošta|Neželjena e-pošta",
		"Arhiva", "Izlazna pošta",
		"Kalendar", "Kontakti", "Zadaci", "Dnevnik", "Bilješke", "Problemi sa sinkronizacijom", "Povijest razgovora",
	},
	{ // Estonian
		"Mustandid", "Saadetud|Saadetud üksused", "Kustutatud|Kustutatud üksused", "Rämpspost|Rämpsmeil", "Arhiiv",
		"Väljundkaust",
		"Kalender", "Kontaktid", "Ülesanded", "Päevik", "Märkmed", "Sünkroonimisprobleemid", "Vestlusajalugu",
	},
	{ // Latvian
		"Melnraksti", "Nosūtītie|Nosūtītie vienumi", "Izdzēstie|Izdzēstie vienumi", "Mēstules|Nevēlams e-pasts",
		"Arhīvs", "Izsūtne",
		"Kalendārs", "Kontaktpersonas", "Uzdevumi", "Žurnāls", "Piezīmes", "Sinhronizācijas problēmas",
		"Sarunu vēsture",
	},
	{ // Lithuanian
		"Juodraščiai", "Išsiųsti elementai|Nusiųsta", "Panaikinti elementai", "El. pašto šiukšlės|Šlamštas", "Archyvas",
		"Siuntiniai",
		"Kalendorius", "Kontaktai", "Užduotys", "Žurnalas", "Pastabos", "Sinchronizavimo problemos",
		"Pokalbio retrospektyva",
	},
	{ // Hebrew
		"טיוטות", "פריטים שנשלחו", "פריטים שנמחקו", "דואר זבל", "ארכיון", "תיבת דואר יוצא",
		"לוח שנה", "אנשי קשר", "משימות", "יומן", "פתקים|הערות", "בעיות סנכרון", "היסטוריית שיחות",
	},
	{ // Arabic
		"مسودات|المسودات", "العناصر المرسلة|البريد المرسل", "العناصر المحذوفة",
		"البريد غير الهام|البريد الإلكتروني غير الهام", "أرشيف|الأرشيف", "علبة الصادر|صندوق الصادر",
		"التقويم", "جهات الاتصال", "المهام", "دفتر اليومية", "الملاحظات", "مشاكل المزامنة|مشاكل التزامن",
		"محفوظات المحادثات",
	},
	{ // Thai
		"แบบร่าง", "รายการที่ถูกส่ง|รายการที่ส่ง", "รายการที่ถูกลบ", "อีเมลขยะ|เมลขยะ", "เก็บถาวร",
		"กล่องขาออก|จดหมายออก",
		"ปฏิทิน", "ที่ติดต่อ|ผู้ติดต่อ", "งาน", "บันทึกประจำวัน|สมุดรายวัน", "บันทึกย่อ",
		"ปัญหาการซิงค์", "ประวัติการสนทนา",
	},
	{ // Vietnamese
		"Bản thảo|Thư nháp", "Mục đã gửi|Thư đã gửi", "Mục đã xóa|Thư đã xóa", "Thư rác|Email rác", "Lưu trữ",
		"Hộp thư đi",
		"Lịch", "Liên hệ", "Tác vụ", "Nhật ký", "Ghi chú", "Sự cố đồng bộ", "Lịch sử hội thoại",
	},
})

func compile(table []named) []language {
	all := make([]language, len(table))
	for i, n := range table {
		l := language{folded("Files"): Files}
		for class, names := range map[Class]string{
			drafts: n.drafts, sent: n.sent, trash: n.trash, junk: n.junk, archive: n.archive, Outbox: n.outbox,
			Calendar: n.calendar, Contacts: n.contacts, Tasks: n.tasks, Journal: n.journal, Notes: n.notes,
			SyncIssues: n.sync, Conversation: n.conversation,
		} {
			for name := range strings.SplitSeq(names, "|") {
				if name != "" {
					l[folded(name)] = class
				}
			}
		}
		all[i] = l
	}
	return all
}
