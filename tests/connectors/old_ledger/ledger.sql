BEGIN TRANSACTION;
CREATE TABLE leadferry_batches (
	run_id VARCHAR(200) NOT NULL, 
	number INTEGER NOT NULL, 
	batch_id VARCHAR(100) NOT NULL, 
	first BIGINT NOT NULL, 
	size INTEGER NOT NULL, 
	PRIMARY KEY (run_id, number), 
	FOREIGN KEY(run_id) REFERENCES leadferry_runs (run_id)
);
INSERT INTO "leadferry_batches" VALUES('ended',1,'000001-0bc59d277f70',0,10);
INSERT INTO "leadferry_batches" VALUES('ended',2,'000002-0b7ab32d2eb5',10,10);
INSERT INTO "leadferry_batches" VALUES('ended',3,'000003-8870e231d7bb',20,5);
INSERT INTO "leadferry_batches" VALUES('killed',1,'000001-0bc59d277f70',0,10);
INSERT INTO "leadferry_batches" VALUES('killed',2,'000002-0b7ab32d2eb5',10,10);
INSERT INTO "leadferry_batches" VALUES('killed',3,'000003-8870e231d7bb',20,5);
CREATE TABLE leadferry_events (
	event_id INTEGER NOT NULL, 
	run_id VARCHAR(200) NOT NULL, 
	number INTEGER NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	places TEXT, 
	baseline TEXT NOT NULL, 
	code VARCHAR(100), 
	message TEXT, 
	answer TEXT, 
	started_at VARCHAR(40) NOT NULL, 
	finished_at VARCHAR(40), 
	PRIMARY KEY (event_id), 
	FOREIGN KEY(run_id, number) REFERENCES leadferry_batches (run_id, number)
);
INSERT INTO "leadferry_events" VALUES(1,'ended',1,'unknown',NULL,'[]','NO_ANSWER','The answer did not arrive whole (RemoteProtocolError).',NULL,'2026-11-21T07:51:17.261142+00:00','2026-11-21T07:51:17.263293+00:00');
INSERT INTO "leadferry_events" VALUES(2,'ended',1,'settled','[0,1,2,3,4,5,6,7,8,9]','[]',NULL,NULL,'{"landed":[0,1,2,3,4]}','2026-11-21T07:51:18.025412+00:00','2026-11-21T07:51:18.025412+00:00');
INSERT INTO "leadferry_events" VALUES(3,'ended',1,'accepted','[5,6,7,8,9]','[]',NULL,'5 leads inserted','{"counts":{"supplied":5,"accepted":5,"inserted":5,"duplicates":0,"do_not_call":0,"quota":0,"whitelist":0},"rejected":[]}','2026-11-21T07:51:18.027810+00:00','2026-11-21T07:51:18.029699+00:00');
INSERT INTO "leadferry_events" VALUES(4,'ended',2,'unknown',NULL,'[]','NO_ANSWER','The answer did not arrive whole (RemoteProtocolError).',NULL,'2026-11-21T07:51:18.033114+00:00','2026-11-21T07:51:18.034826+00:00');
INSERT INTO "leadferry_events" VALUES(5,'ended',2,'settled','[0,1,2,3,4,5,6,7,8,9]','[]',NULL,NULL,'{"landed":[0,1,2,3,4,5,6,7,8,9]}','2026-11-21T07:51:18.038306+00:00','2026-11-21T07:51:18.038306+00:00');
INSERT INTO "leadferry_events" VALUES(6,'ended',3,'unknown',NULL,'[]','NO_ANSWER','The answer did not arrive whole (RemoteProtocolError).',NULL,'2026-11-21T07:51:18.042096+00:00','2026-11-21T07:51:18.043538+00:00');
INSERT INTO "leadferry_events" VALUES(7,'ended',3,'settled','[0,1,2,3,4]','[]',NULL,NULL,'{"landed":[]}','2026-11-21T07:51:18.800143+00:00','2026-11-21T07:51:18.800143+00:00');
INSERT INTO "leadferry_events" VALUES(8,'ended',3,'accepted',NULL,'[]',NULL,'5 leads inserted','{"counts":{"supplied":5,"accepted":5,"inserted":5,"duplicates":0,"do_not_call":0,"quota":0,"whitelist":0},"rejected":[]}','2026-11-21T07:51:18.802352+00:00','2026-11-21T07:51:18.805363+00:00');
INSERT INTO "leadferry_events" VALUES(9,'killed',1,'unknown',NULL,'[]','NO_ANSWER','The answer did not arrive whole (RemoteProtocolError).',NULL,'2026-11-21T07:51:19.927514+00:00','2026-11-21T07:51:19.930578+00:00');
INSERT INTO "leadferry_events" VALUES(10,'killed',1,'settled','[0,1,2,3,4,5,6,7,8,9]','[]',NULL,NULL,'{"landed":[]}','2026-11-21T07:51:20.689698+00:00','2026-11-21T07:51:20.689698+00:00');
INSERT INTO "leadferry_events" VALUES(11,'killed',1,'sending',NULL,'[]',NULL,NULL,NULL,'2026-11-21T07:51:20.692010+00:00',NULL);
CREATE TABLE leadferry_runs (
	run_id VARCHAR(200) NOT NULL, 
	job VARCHAR(200) NOT NULL, 
	status VARCHAR(40) NOT NULL, 
	folder TEXT NOT NULL, 
	job_json TEXT NOT NULL, 
	row_limit BIGINT, 
	started_at VARCHAR(40) NOT NULL, 
	finished_at VARCHAR(40), 
	account_id VARCHAR(100), 
	campaign_id BIGINT, 
	campaign_name TEXT, 
	PRIMARY KEY (run_id)
);
INSERT INTO "leadferry_runs" VALUES('ended','leads','succeeded','@WORK@/home/runs/ended','{"name":"leads","source":{"type":"csv","path":"@WORK@/leads.csv","separator":","},"columns":{"externId":"id","leadPhone":["phone"],"leadPhoneE164":null,"title":null,"firstName":null,"midName":null,"lastName":"name","suffix":null,"address1":null,"address2":null,"city":null,"state":"state","zip":"zip","email":null,"gateKeeper":null,"auxData1":null,"auxData2":null,"auxData3":null,"auxData4":null,"auxData5":null,"auxPhone":null,"auxExternalUrl":null,"auxGreeting":null,"callerId":null,"leadTimezone":null,"leadPriority":null,"maxPasses":null,"reserveAgent":null,"liveAnswerMessage":null,"machAnswerMessage":null,"sortCol":null,"extendedLeadData":{},"personaPhoneConfig":{}},"load":{"campaign":"My Predictive Campaign","campaign_id":null,"dial_group":null,"description":"Test leads","dial_priority":"NORMAL","duplicate_handling":"REMOVE_FROM_LIST","time_zone_option":"EXPLICIT","list_state":"ACTIVE","phone_numbers_i18n_enabled":null,"international_number_format":null,"number_origin_country":null,"dnc_tags":[],"schedule_archive_dts":null,"batch_size":10},"phones":{"phone_region":null,"us_only":false,"toll_free":"warn","premium_rate":"warn","personal_number":"warn","extension":null},"duplicates":{"keep":"first","by":null},"quality":{"max_reject_rate":0.25,"damage":"warn","damage_share":0.01},"time_zones":{"names":"run_date","as_of":null,"unknown":"reject","order":["source","zip","number","state"],"conflict":"safe","calling_hours":null},"delivery":{"timeout_seconds":30.0,"settle_seconds":0.5,"max_in_flight":1,"give_up_seconds":20.0}}',NULL,'2026-11-21T07:51:17.039343+00:00','2026-11-21T07:51:18.823945+00:00','99990001',12345,'My Predictive Campaign');
INSERT INTO "leadferry_runs" VALUES('killed','leads','running','@WORK@/home/runs/killed','{"name":"leads","source":{"type":"csv","path":"@WORK@/leads.csv","separator":","},"columns":{"externId":"id","leadPhone":["phone"],"leadPhoneE164":null,"title":null,"firstName":null,"midName":null,"lastName":"name","suffix":null,"address1":null,"address2":null,"city":null,"state":"state","zip":"zip","email":null,"gateKeeper":null,"auxData1":null,"auxData2":null,"auxData3":null,"auxData4":null,"auxData5":null,"auxPhone":null,"auxExternalUrl":null,"auxGreeting":null,"callerId":null,"leadTimezone":null,"leadPriority":null,"maxPasses":null,"reserveAgent":null,"liveAnswerMessage":null,"machAnswerMessage":null,"sortCol":null,"extendedLeadData":{},"personaPhoneConfig":{}},"load":{"campaign":"My Predictive Campaign","campaign_id":null,"dial_group":null,"description":"Test leads","dial_priority":"NORMAL","duplicate_handling":"REMOVE_FROM_LIST","time_zone_option":"EXPLICIT","list_state":"ACTIVE","phone_numbers_i18n_enabled":null,"international_number_format":null,"number_origin_country":null,"dnc_tags":[],"schedule_archive_dts":null,"batch_size":10},"phones":{"phone_region":null,"us_only":false,"toll_free":"warn","premium_rate":"warn","personal_number":"warn","extension":null},"duplicates":{"keep":"first","by":null},"quality":{"max_reject_rate":0.25,"damage":"warn","damage_share":0.01},"time_zones":{"names":"run_date","as_of":null,"unknown":"reject","order":["source","zip","number","state"],"conflict":"safe","calling_hours":null},"delivery":{"timeout_seconds":30.0,"settle_seconds":0.5,"max_in_flight":1,"give_up_seconds":20.0}}',NULL,'2026-11-21T07:51:19.658260+00:00',NULL,'99990001',12345,'My Predictive Campaign');
CREATE TABLE leadferry_schema (
	version INTEGER NOT NULL
);
INSERT INTO "leadferry_schema" VALUES(1);
CREATE INDEX leadferry_events_by_batch ON leadferry_events (run_id, number);
COMMIT;
