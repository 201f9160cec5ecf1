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
// tell the class of a folder (behaviour notes §5 rows 19 and 20), so the name
// is all there is. A language counts only if several of its folders are there.
var languages = compile([]named{
	{ // English
		"Drafts", "Sent Items", "Deleted Items", "Junk Email|Junk E-mail|Junk E-Mail", "Archive", "Outbox",
		"Calendar", "Contacts", "Tasks", "Journal", "Notes", "Sync Issues", "Conversation History",
	},
	{ // German
		"Entwürfe", "Gesendete Elemente|Gesendete Objekte", "Gelöschte Elemente|Gelöschte Objekte", "Junk-E-Mail", "Archiv", "Postausgang",
		"Kalender", "Kontakte", "Aufgaben", "Journal", "Notizen", "Synchronisierungsprobleme", "Aufgezeichnete Unterhaltungen|Unterhaltungsverlauf",
	},
	{ // French
		"Brouillons", "Éléments envoyés|Messages envoyés", "Éléments supprimés", "Courrier indésirable", "Archive|Archives", "Boîte d'envoi",
		"Calendrier", "Contacts", "Tâches", "Journal", "Notes", "Problèmes de synchronisation", "Historique des conversations",
	},
	{ // Spanish
		"Borradores", "Elementos enviados", "Elementos eliminados", "Correo no deseado|Correo electrónico no deseado", "Archivo", "Bandeja de salida",
		"Calendario", "Contactos", "Tareas", "Diario", "Notas", "Problemas de sincronización", "Historial de conversaciones",
	},
	{ // Italian
		"Bozze", "Posta inviata", "Posta eliminata", "Posta indesiderata", "Archivio", "Posta in uscita",
		"Calendario", "Contatti", "Attività", "Diario", "Note", "Problemi di sincronizzazione", "Cronologia conversazioni",
	},
	{ // Dutch
		"Concepten", "Verzonden items", "Verwijderde items", "Ongewenste e-mail", "Archief", "Postvak UIT",
		"Agenda", "Contactpersonen", "Taken", "Logboek", "Notities", "Synchronisatieproblemen", "Gespreksgeschiedenis",
	},
	{ // Portuguese (Brazil)
		"Rascunhos", "Itens Enviados", "Itens Excluídos", "Lixo Eletrônico", "Arquivo Morto", "Caixa de Saída",
		"Calendário", "Contatos", "Tarefas", "Diário", "Anotações", "Problemas de Sincronização", "Histórico de Conversa|Histórico de Conversas",
	},
	{ // Portuguese (Portugal)
		"Rascunhos", "Itens Enviados|Itens enviados", "Itens Eliminados|Itens eliminados", "E-mail de Lixo|Correio Eletrónico Não Solicitado", "Arquivo", "A Enviar|Caixa de Saída",
		"Calendário", "Contactos", "Tarefas", "Diário", "Notas", "Problemas de Sincronização", "Histórico de Conversações",
	},
	{ // Polish
		"Wersje robocze|Kopie robocze", "Elementy wysłane", "Elementy usunięte", "Wiadomości-śmieci", "Archiwum", "Skrzynka nadawcza",
		"Kalendarz", "Kontakty", "Zadania", "Dziennik", "Notatki", "Problemy z synchronizacją", "Historia konwersacji",
	},
	{ // Russian
		"Черновики", "Отправленные", "Удаленные|Удалённые", "Нежелательная почта", "Архив", "Исходящие",
		"Календарь", "Контакты", "Задачи", "Дневник", "Заметки", "Ошибки синхронизации", "Журнал бесед",
	},
	{ // Swedish
		"Utkast", "Skickat|Skickade objekt", "Borttaget|Borttagna objekt", "Skräppost", "Arkiv", "Utkorgen",
		"Kalender", "Kontakter", "Uppgifter", "Journal", "Anteckningar", "Synkroniseringsproblem", "Konversationshistorik",
	},
	{ // Danish
		"Kladder", "Sendt post|Sendt mail", "Slettet post", "Uønsket mail|Uønsket e-mail", "Arkiv", "Udbakke",
		"Kalender", "Kontaktpersoner|Kontakter", "Opgaver", "Journal", "Noter", "Synkroniseringsproblemer", "",
	},
	{ // Norwegian
		"Kladd", "Sendte elementer", "Slettede elementer", "Søppelpost", "Arkiv", "Utboks",
		"Kalender", "Kontakter", "Oppgaver", "Logg", "Notater", "Synkroniseringsfeil|Synkroniseringsproblemer", "",
	},
	{ // Finnish
		"Luonnokset", "Lähetetyt", "Poistetut", "Roskaposti", "Arkisto", "Lähtevät",
		"Kalenteri", "Yhteystiedot", "Tehtävät", "Päiväkirja", "Muistilaput|Muistiinpanot", "", "",
	},
	{ // Czech
		"Koncepty", "Odeslaná pošta", "Odstraněná pošta", "Nevyžádaná pošta", "Archiv", "Pošta k odeslání",
		"Kalendář", "Kontakty", "Úkoly", "Deník", "Poznámky", "", "Historie konverzací",
	},
	{ // Hungarian
		"Piszkozatok", "Elküldött elemek", "Törölt elemek", "Levélszemét", "Archívum", "Postázandó üzenetek",
		"Naptár", "Névjegyek|Névjegyalbum", "Feladatok", "Napló", "Feljegyzések", "", "",
	},
	{ // Turkish
		"Taslaklar", "Gönderilmiş Öğeler", "Silinmiş Öğeler", "Gereksiz E-posta", "Arşiv", "Giden Kutusu",
		"Takvim", "Kişiler", "Görevler", "Günlük", "Notlar", "", "",
	},
	{ // Japanese
		"下書き", "送信済みアイテム", "削除済みアイテム", "迷惑メール", "アーカイブ", "送信トレイ",
		"予定表", "連絡先", "仕事|タスク", "履歴", "メモ", "同期の失敗|同期の問題", "会話の履歴|スレッドの履歴",
	},
	{ // Chinese, simplified
		"草稿", "已发送邮件", "已删除邮件", "垃圾邮件", "存档", "发件箱",
		"日历", "联系人", "任务", "日记", "便笺", "同步问题", "对话历史记录",
	},
	{ // Chinese, traditional
		"草稿", "寄件備份", "刪除的郵件", "垃圾郵件", "封存", "寄件匣",
		"行事曆", "連絡人", "工作", "日誌", "記事", "同步處理問題", "交談記錄",
	},
	{ // Korean
		"임시 보관함", "보낸 편지함", "지운 편지함", "정크 메일", "보관", "보낼 편지함",
		"일정", "연락처", "작업", "업무 일지", "메모", "동기화 문제", "대화 내용",
	},
})

func compile(table []named) []language {
	all := make([]language, len(table))
	for i, n := range table {
		l := language{fold("Files"): Files}
		for class, names := range map[Class]string{
			drafts: n.drafts, sent: n.sent, trash: n.trash, junk: n.junk, archive: n.archive, Outbox: n.outbox,
			Calendar: n.calendar, Contacts: n.contacts, Tasks: n.tasks, Journal: n.journal, Notes: n.notes,
			SyncIssues: n.sync, Conversation: n.conversation,
		} {
			for name := range strings.SplitSeq(names, "|") {
				if name != "" {
					l[fold(name)] = class
				}
			}
		}
		all[i] = l
	}
	return all
}
